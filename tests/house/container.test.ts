import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/** The version of the provider package whose libraries fit a version of onnxruntime-node; no other pair loads. */
const PROVIDER_OF: Readonly<Record<string, string>> = { '1.29.0': '0.4.9' };

const read = (path: string) => readFileSync(path, 'utf8');
const packageJson = JSON.parse(read('package.json'));
const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, LockedPackage> };

interface LockedPackage {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Stage {
  readonly name: string;
  readonly base: string;
  readonly instructions: readonly string[];
}

const stages = parseStages(read('Dockerfile'));
const images = ['cpu', 'cuda'].map((name) => stages.find((stage) => stage.name === name)!);

/** Each stage with its instructions on one line each, comments left out. */
function parseStages(dockerfile: string): Stage[] {
  const lines = dockerfile
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .filter(Boolean);
  const found: { name: string; base: string; instructions: string[] }[] = [];
  for (const line of lines) {
    const [, base, name] = /^FROM (\S+) AS (\S+)$/.exec(line) ?? [];
    if (base && name) found.push({ name, base, instructions: [] });
    else found.at(-1)!.instructions.push(line);
  }
  return found;
}

function instructionsOf({ instructions }: Stage, keyword: string): string[] {
  return instructions.filter((line) => line.startsWith(`${keyword} `)).map((line) => line.slice(keyword.length + 1));
}

describe('Dockerfile', () => {
  it('builds the CPU image unless another is asked for', () => {
    expect(stages.map((stage) => stage.name)).toContain('cuda');
    expect(stages.at(-1)!.name).toBe('cpu');
  });

  it('starts from images of one exact version', () => {
    const own = new Set(['scratch', ...stages.map((stage) => stage.name)]);
    const foreign = stages.map((stage) => stage.base).filter((base) => !own.has(base));
    expect(foreign).toHaveLength(2);
    for (const base of foreign) expect(base).toMatch(/:\d+\.\d+\.\d+-/);
  });

  it('has a Node.js as new as the newest that package.json speaks of', () => {
    const [, have] = /^node:([\d.]+)-/.exec(stages.find((stage) => stage.name === 'node')!.base)!;
    const wanted: string[] = packageJson.engines.node.match(/\d+\.\d+\.\d+/g);
    expect(wanted.length).toBeGreaterThan(0);
    for (const version of wanted) {
      expect(have!.localeCompare(version, 'en', { numeric: true })).toBeGreaterThanOrEqual(0);
    }
  });

  it('fetches the CUDA provider of the very onnxruntime-node that is installed, and checks what it got', () => {
    const version = lock.packages['node_modules/onnxruntime-node']!.version!;
    expect(packageJson.dependencies['onnxruntime-node']).toBe(version);
    const [fetch] = instructionsOf(stages.find((stage) => stage.name === 'provider')!, 'RUN');
    expect(fetch).toContain(` version=${PROVIDER_OF[version]} `);
    expect(fetch).toMatch(/ sha512=[0-9a-f]{128} .* sha512sum --check /);
  });

  it('puts the provider where onnxruntime-node looks for it', () => {
    const [, target] = /^--from=provider \S+ (\S+)$/m.exec(instructionsOf(images[1]!, 'COPY').join('\n'))!;
    expect(existsSync(`${target}/libonnxruntime.so.1`)).toBe(true);
  });

  it('copies only what is there and what .dockerignore lets in', () => {
    const allowed = new Set([...read('.dockerignore').matchAll(/^!(\S+)$/gm)].map(([, path]) => path));
    const sources = stages
      .flatMap((stage) => instructionsOf(stage, 'COPY'))
      .filter((line) => !line.startsWith('--from='))
      .flatMap((line) => line.split(' ').slice(0, -1));
    expect(sources).toContain('package-lock.json');
    for (const source of sources) {
      expect(existsSync(source), source).toBe(true);
      expect(allowed, source).toContain(source);
    }
    expect([...allowed].filter((path) => !sources.includes(path!))).toEqual([]);
  });

  it('copies from stages that come before', () => {
    for (const [index, stage] of stages.entries()) {
      const before = stages.slice(0, index).map((other) => other.name);
      for (const copy of instructionsOf(stage, 'COPY')) {
        const [, from] = /^--from=(\S+)/.exec(copy) ?? [];
        if (from) expect(before).toContain(from);
      }
    }
  });

  it('installs from the lock file alone, and no development tools into an image', () => {
    const installs = stages.flatMap((stage) =>
      instructionsOf(stage, 'RUN')
        .filter((line) => /npm (ci|i|install)\b/.test(line))
        .map((line) => ({ stage: stage.name, line })),
    );
    for (const { line } of installs) expect(line).toMatch(/^npm ci\b/);
    const [, modules] = /--from=(\S+) \/app\/node_modules/.exec(instructionsOf(images[0]!, 'COPY').join('\n'))!;
    expect(installs.find(({ stage }) => stage === modules)!.line).toMatch(/^npm ci --omit=dev\b/);
    expect(read('.npmrc')).toMatch(/^ignore-scripts=true$/m);
  });

  // npm ci refuses a lock file that lacks an optional package, even one of another platform.
  it('finds every optional package in the lock file', () => {
    const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => !lock.packages[`${path}/node_modules/${name}`] && !lock.packages[`node_modules/${name}`],
      ),
    );
    expect(missing).toEqual([]);
  });

  it('gives both images the same ending', () => {
    const [cpu, cuda] = images.map(({ instructions }) =>
      instructions.filter((line) => /^(ENV NODE_ENV|VOLUME|EXPOSE|USER|HEALTHCHECK|ENTRYPOINT|CMD) ?/.test(line)),
    );
    expect(cpu).toEqual(cuda);
    expect(cpu).toHaveLength(7);
  });
});

describe.each(images)('the image $name', (image) => {
  it('runs as a user by number, so that orchestrators can see it is not root', () => {
    expect(instructionsOf(image, 'USER')).toEqual([expect.stringMatching(/^[1-9]\d*:[1-9]\d*$/)]);
  });

  it('gives signals to Node, not to a shell', () => {
    const command = [...instructionsOf(image, 'ENTRYPOINT'), ...instructionsOf(image, 'CMD')].flatMap((line) =>
      JSON.parse(line),
    );
    expect(command).toEqual(['node', packageJson.bin.miru, 'serve']);
  });

  it('asks a route of the app whether it is well, on the port that is set', () => {
    const [check] = instructionsOf(image, 'HEALTHCHECK');
    const [node, flag, script] = JSON.parse(/CMD (\[.*\])$/.exec(check!)![1]!);
    expect([node, flag]).toEqual(['node', '-e']);
    expect(script).toContain('process.env.PORT || 8080');
    const [, path] = /'(\/\w+)'/.exec(script)!;
    expect(read('src/http/routes/running.ts')).toContain(`router.get('${path}'`);
  });

  it('keeps own models in a volume that its user can write to', () => {
    const [volume] = instructionsOf(image, 'VOLUME');
    const [user] = instructionsOf(image, 'USER');
    const [uid, gid] = user!.split(':');
    expect(instructionsOf(image, 'RUN')).toContain(`install -d -o ${uid} -g ${gid} ${volume}`);
    expect(instructionsOf(image, 'ENV').join(' ')).toContain(`MODELS_DIR=${volume}:/app/models`);
  });
});

describe('compose.yaml', () => {
  it('builds each image under its own name, the CUDA one only on demand', () => {
    const [, services] = /^services:\n([\s\S]*?)^\w/m.exec(read('compose.yaml'))!;
    const parts = services!.split(/^ {2}(?=\w)/m).filter((part) => part.trim());
    const targets = parts.map((part) => [/^\w+/.exec(part)![0], /target: (\w+)/.exec(part)?.[1]]);
    expect(targets).toEqual([
      ['cpu', 'cpu'],
      ['cuda', 'cuda'],
    ]);
    expect(parts[0]).not.toMatch(/profiles|devices/);
    expect(parts[1]).toMatch(/profiles: \[cuda\][\s\S]*driver: nvidia/);
  });

  it('waits for the server to end by itself', async () => {
    const { settings } = await import('../../src/config.ts');
    const [, seconds] = /stop_grace_period: (\d+)s/.exec(read('compose.yaml'))!;
    expect(Number(seconds) * 1000).toBeGreaterThan(settings.shutdown_timeout_ms.parse(undefined));
  });
});

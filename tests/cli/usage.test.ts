import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { flagName, settingNames, settings } from '../../src/config.ts';
import { miru, temporaryFolder } from './miru.ts';

test('--version is that of package.json', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  expect(await miru(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
});

describe('help', () => {
  test.each([[], ['serve'], ['detect'], ['segment'], ['classify'], ['predict'], ['iou'], ['models']])(
    'miru %s --help has examples',
    async (...command) => {
      const { code, stdout, stderr } = await miru([...command, '--help']);
      expect(stdout).toMatch(new RegExp(`Examples:\n  .*miru ${command.join(' ')}`));
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    },
  );

  test('serve has every setting as a flag, with its default', async () => {
    const { stdout } = await miru(['serve', '--help']);
    const text = stdout.replaceAll(/\s+/g, ' ');
    for (const name of settingNames) expect(text).toContain(`${flagName(name)} `);
    expect(text).toContain(`${settings.queue_limit.description} (default: 128)`);
    expect(text).toContain('--allow-url-input [boolean]');
  });

  test('without a command it goes to stderr', async () => {
    const { code, stdout, stderr } = await miru([]);
    expect(stderr).toMatch(/^Usage: miru /);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});

describe('wrong usage is one line and exit code 2', () => {
  test.each([
    [['detct'], "unknown command 'detct' (Did you mean detect?)"],
    [['models', 'inspekt'], "unknown command 'inspekt' (Did you mean inspect?)"],
    [
      ['detect', 'a.jpg', '--score-treshold', '0.5'],
      "unknown option '--score-treshold' (Did you mean --score-threshold?)",
    ],
    [['serve', '--prot', '1'], "unknown option '--prot' (Did you mean --port?)"],
    [['detect'], "missing required argument 'path'"],
    [['detect', 'a.jpg', '--out'], "option '--out <path>' argument missing"],
    [['serve', '--port', '70000'], /^setting port: /],
    [['serve', '--config', 'nope.json'], 'nope.json: no such file or folder'],
    [['detect', 'a.jpg', '--score-threshold', '7'], /^option '--score-threshold <0…1>' argument '7' is invalid\. \S/],
    [['detect', 'a.jpg', '--score-threshold', 'x'], /^option '--score-threshold <0…1>' argument 'x' is invalid\. \S/],
    [['detect', 'a.jpg', '--max-detections', '0'], /^option '--max-detections <n>' argument '0' is invalid\. \S/],
    [['detect', 'a.jpg', '--mask-format', 'gif'], /^option '--mask-format .*' argument 'gif' is invalid\. \S/],
    [['detect', 'a.jpg', '--json', '--format', 'png'], /^option '--json' cannot be used with option '--format/],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await miru(args);
    expect(stderr.split('\n')).toHaveLength(2);
    const line = stderr.replace(/^miru: /, '').trimEnd();
    if (typeof message === 'string') expect(line).toBe(message);
    else expect(line).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  test('a configuration file that is no JSON, and one with a setting that is none', async () => {
    const path = join(temporaryFolder(), 'miru.json');
    writeFileSync(path, '{');
    const broken = await miru(['serve', '--config', path]);
    expect(broken).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^miru: the configuration file is not JSON: /),
    });
    writeFileSync(path, '{"prot": 1}');
    const unknown = await miru(['serve', '--config', path]);
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('prot') });
  });
});

test('LOG_LEVEL=debug shows where a failure comes from', async () => {
  const { code, stderr } = await miru(['detect', 'nope.jpg'], { env: { LOG_LEVEL: 'debug' } });
  expect(stderr).toMatch(/^miru: CommandError: nope\.jpg: no such file or folder\n {4}at /);
  expect(code).toBe(1);
});

import { Option } from 'commander';
import { type Config, flagName, loadConfig, type SettingName, settings } from '../config.ts';
import { explain, usage } from './failure.ts';
import type { Io } from './io.ts';

/** A setting as a flag. It has no default here: the environment and the configuration file come before that. */
export function settingOption(name: SettingName): Option {
  const fallback = settings[name].safeParse(undefined).data;
  const isSwitch = typeof fallback === 'boolean';
  const shown = Array.isArray(fallback) ? fallback.join(',') : fallback;
  const suffix = shown === undefined || shown === '' ? '' : ` (default: ${shown})`;
  return new Option(
    `${flagName(name)} ${isSwitch ? '[boolean]' : '<value>'}`,
    `${settings[name].description}${suffix}`,
  );
}

/**
 * The configuration of a command.
 * @param options what Commander has read, by its own camelCase names.
 * @throws CommandError naming the setting that is wrong.
 */
export function configOf(io: Io, options: Readonly<Record<string, unknown>>, file?: string): Config {
  const names = Object.keys(settings) as SettingName[];
  const flags = Object.fromEntries(names.map((name) => [name, options[new Option(flagName(name)).attributeName()]]));
  try {
    return loadConfig(io.env, flags, file);
  } catch (error) {
    throw usage(error instanceof SyntaxError ? `the configuration file is not JSON: ${error.message}` : explain(error));
  }
}

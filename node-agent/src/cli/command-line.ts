import { Command, CommanderError, Option } from 'commander';
import { escapePath } from '../engine/escape-path.ts';
import { InputError } from '../errors.ts';
import { argumentBytes } from './arguments.ts';

/** What a command line turned out to be. Its options are unchecked words: each command has a door for them. */
export type CommandLine =
  | { readonly kind: 'Answered'; readonly text: string } // It asked for the help or the version, and nothing else.
  | { readonly kind: 'Given'; readonly options: object; readonly operands: readonly string[] };

const exitStatuses = `
Exit status:
  0    everything was done
  1    it ended with failures, or early, or could not write its answer, or a job is suspended; each is named on stderr
  2    wrong usage or bad input
  3    refused for safety: a file onto itself, a directory into itself
  130  ended by SIGINT or SIGTERM; what was finished is kept`;

export function defineCopy(version: string): Command {
  return new Command('smartcopy')
    .usage('[options] SRC DST\n       smartcopy run [options] FILE\n       smartcopy analyze [options] [PATH...]')
    .description(
      "Copies trees at hardware speed, verified and confined. The contents of a directory SRC become DST's contents; a file SRC becomes DST, or goes into DST if that is a directory or ends in a slash.",
    )
    .argument('SRC', 'the file or directory to copy')
    .argument('DST', 'where its copy goes; missing directories are made')
    .option('-t, --threads <count>', 'engine threads; 0 means one for each CPU that may be used', '0')
    .option('-b, --buffer-size <size>', 'bytes that one read or write of a large file moves: 4K to 1G', '1M')
    .option('--verify [algo]', 'check what was written: xxhash3 (also alone) or blake3')
    .addOption(
      new Option(
        '--verify-level <level>',
        'readback: read the copy back and compare; source: only compute the digest of what was read, for --digests, and compare nothing',
      ).choices(['source', 'readback']),
    )
    .option(
      '--digests <file>',
      'write a digest of each copied file to FILE, as sha256sum writes them; with -i, unchanged files have no line',
    )
    .addOption(
      new Option('--update <mode>', 'which files to copy: those of another size or time, or all').choices(['if-different', 'always']),
    )
    .option('-i, --incremental', 'the same as --update if-different')
    .addOption(
      new Option('--durability <level>', 'what "done" promises after a power loss').choices(['none', 'batch', 'file']).default('none'),
    )
    .addOption(
      new Option(
        '--io <calls>',
        'what moves bytes: auto takes the best the file systems offer, shared blocks and server-side copies among it; posix (read and write), uring and mmap move every byte, by that way',
      )
        .choices(['auto', 'posix', 'uring', 'mmap'])
        .default('auto'),
    )
    .option('--direct-io', 'let files of a megabyte or more go past the page cache')
    .option('--no-direct-io', 'never go past it; with neither, only where it is measured to be faster, for cold files too large for it')
    .option(
      '--sparse [mode]',
      'holes: auto keeps those of the source (also alone, and the default), always makes holes of zeros too, never writes every byte',
    )
    .option('--bandwidth-limit <rate>', 'bytes per second, such as 100M')
    .option('-p, --progress', 'show progress on stderr: a bar on a terminal, else lines')
    .addOption(new Option('-v, --verbose', 'say what was decided and used').conflicts('quiet'))
    .addOption(new Option('-q, --quiet', 'say nothing but failures').conflicts('progress'))
    .option('--json', 'print one JSON document on stdout at the end: phase, progress, errors, engineUsed')
    .version(`smartcopy ${version}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText(
      'after',
      `\nSizes and rates may end in K, M or G, powers of 1024.\nA SRC named run, analyze or help is written ./run, ./analyze or ./help.\n${exitStatuses}`,
    );
}

export function defineRun(): Command {
  return new Command('smartcopy run')
    .usage('[options] FILE')
    .description(
      'Runs the TransferJobs of a YAML file on this host, one after the other, with no cluster, and prints the status a cluster would show. Every nodeName means this host. Roots come from --root, or from a smartcopy.yaml beside FILE. Jobs do not cross mounts, as in a cluster: each mount point below a source or destination is a failure by name.',
    )
    .argument('FILE', 'a YAML file of one or more TransferJobs')
    .option('--root <alias=dir>', 'the directory that a root alias stands for; may be repeated', collect, [])
    .addOption(new Option('-v, --verbose', 'say what was decided and used').conflicts('quiet'))
    .option('-q, --quiet', 'say nothing but failures, and print no status')
    .option('--json', 'print one JSON document on stdout at the end: the jobs with their status')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', exitStatuses);
}

export function defineAnalyze(): Command {
  return new Command('smartcopy analyze')
    .usage('[options] [PATH...]')
    .description('Shows what this host offers a copy: CPUs, memory, the file systems and storage of each PATH, and io_uring.')
    .argument('[PATH...]', 'files or directories; the working directory if none is given')
    .option('--sparse <file>', 'only show what FILE occupies and where its holes are')
    .option('--json', 'print one JSON document')
    .helpOption('-h, --help', 'print this help');
}

/**
 * Reads the arguments (as readArguments gives them) by a command's definition.
 * @throws InputError with the parser's own sentence when they do not fit
 */
export function parseCommandLine(command: Command, given: readonly string[]): CommandLine {
  let text = '';
  const writeOut = (part: string): void => {
    text += part;
  };
  command.exitOverride().configureOutput({ writeOut, writeErr: () => undefined });
  try {
    command.parse(given, { from: 'user' });
    return { kind: 'Given', options: command.opts(), operands: command.args };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'Answered', text };
    const [sentence = '', ...hints] = error.message.replace(/^error: |\.$/g, '').split('\n');
    // The word after --verify was none of its own and passed for a path.
    if (error.code === 'commander.excessArguments' && given.includes('--verify=xxhash3')) {
      hints.push('--verify takes xxhash3 or blake3, and before anything else means xxhash3');
    }
    if (error.code === 'commander.excessArguments' && given.includes('--sparse=auto')) {
      hints.push('--sparse takes auto, always or never, and before anything else means auto');
    }
    throw new InputError([escapePath(argumentBytes(sentence)), ...hints, `see ${command.name()} --help`].join('; '), { cause: error });
  }
}

function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value];
}

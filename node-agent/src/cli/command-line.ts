import { Command, CommanderError, Option } from 'commander';
import { escapePath } from '../engine/escape-path.ts';
import { InputError } from '../errors.ts';
import { argumentBytes } from './arguments.ts';
import { digestList } from './digest-words.ts';

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
    .usage(
      '[options] SRC DST\n       smartcopy run [options] FILE\n       smartcopy verify [options] SRC DST\n       smartcopy analyze [options] [PATH...]\n       smartcopy acl --show FILE...\n       smartcopy benchmark [options] DIR',
    )
    .description(
      "Copies trees at hardware speed, verified and confined. The contents of a directory SRC become DST's contents; a file SRC becomes DST, or goes into DST if that is a directory or ends in a slash.",
    )
    .argument('SRC', 'the file or directory to copy')
    .argument('DST', 'where its copy goes; missing directories are made')
    .option('-t, --threads <count>', 'engine threads; 0 means one for each CPU that may be used, and more for network storage', '0')
    .option(
      '-b, --buffer-size <size>',
      'bytes that one read or write of a large file moves: 4K to 1G; chosen by the storage if absent, mostly 1M',
    )
    .option('--verify [algo]', 'check what was written: xxhash3 (also alone), xxhash64, blake3 or sha256')
    .addOption(
      new Option(
        '--verify-level <level>',
        'readback: read the copy back and compare; media: make it durable and read it back past the page cache; source: only compute the digest of what was read, for --digests, and compare nothing',
      ).choices(['source', 'readback', 'media']),
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
    .option('--include <pattern>', 'copy only files that match one of these, with the directories they need; may be repeated', collect, [])
    .option('--exclude <pattern>', 'leave out files and directories that match, whatever includes them; may be repeated', collect, [])
    .option('--min-size <size>', 'leave out regular files smaller than this')
    .option('--max-size <size>', 'leave out regular files larger than this')
    .option(
      '--files-from <file>',
      'copy only the paths that FILE lists, one in a line, relative to SRC; - is standard input; a directory means itself, with a slash at its end all that is in it',
    )
    .option('--from0', 'the paths of --files-from end in NUL instead of a newline')
    .addOption(
      new Option('--ordering <order>', 'in what order files begin; auto is the fastest')
        .choices(['auto', 'smallest-first', 'largest-first', 'path'])
        .default('auto'),
    )
    .addOption(
      new Option('--symlinks <mode>', 'preserve copies links, follow copies what they lead to within SRC')
        .choices(['preserve', 'skip', 'follow'])
        .default('preserve'),
    )
    .addOption(
      new Option('--on-conflict <mode>', 'what becomes of a file whose name another one has in DST')
        .choices(['overwrite', 'skip', 'fail'])
        .default('overwrite'),
    )
    .addOption(
      new Option('--atomic <which>', 'which files appear whole, by a temporary name: those that replace another, or new ones too')
        .choices(['replace', 'always'])
        .default('replace'),
    )
    .option('-n, --dry-run', 'list on stdout what would be done, and write nothing at all')
    .option('-x, --one-file-system', 'leave out what is mounted below SRC')
    .option('--retries <count>', 'how often what failed for a reason that may pass is tried again at the end', '3')
    .option(
      '--no-preserve <list>',
      'what of owner, mode, times, xattrs, acls, hardlinks, special-files not to keep, separated by commas; may be repeated; all else is kept, as far as that can be',
      join,
    )
    .option('--preserve-strict', 'an entry of which something cannot be kept is a failure, not a warning')
    .option('--preserve-acl', 'keep ACLs; they are kept anyway')
    .option('--preserve-owner', 'keep owner and group; they are kept anyway')
    .option('--network-optimized', 'treat both ends as network storage, for networks that look like local disks')
    .addOption(
      new Option('--numa <mode>', 'keep threads and buffers near the storage on machines of several memory nodes')
        .choices(['auto', 'off'])
        .default('auto'),
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
    .addOption(
      new Option('-v, --verbose', 'say what was decided and used; with --progress also list each entry on stdout').conflicts('quiet'),
    )
    .addOption(new Option('-q, --quiet', 'say nothing but failures').conflicts('progress'))
    .option('--json', 'print one JSON document on stdout at the end: phase, progress, errors, engineUsed, durationSeconds')
    .version(`smartcopy ${version}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText(
      'after',
      `\nSizes and rates may end in K, M, G or T, powers of 1024.\nA SRC that has the name of a command, or is named help, is written with ./ before it, such as ./run.\n${exitStatuses}`,
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

export function defineVerify(): Command {
  return new Command('smartcopy verify')
    .usage('[options] SRC DST')
    .description(
      'Compares two trees, or two files, and changes neither. Each difference is a line on stdout: missing, extra, type, size, content, mode, owner, time, xattr or link, the path, and what each side has. Content is read on both sides and compared by digest. Links below SRC and DST are compared, never followed; devices, sockets and FIFOs are not opened.',
    )
    .argument('SRC', 'a file or directory')
    .argument('DST', 'what should be its copy; a file SRC is compared with the file of its name in a directory DST')
    .option('-a, --algorithm <algo>', 'the digest that content is compared by: xxhash3, xxhash64, blake3 or sha256', 'xxhash3')
    .option('--ignore <list>', 'differences not to look at, such as owner,mode; may be repeated', join)
    .option('--digests <file>', 'write the digest of each file of SRC that was read to FILE, as sha256sum writes them')
    .option('-t, --threads <count>', 'engine threads; 0 means one for each CPU that may be used', '0')
    .option('-q, --quiet', 'name no differences; the exit status tells')
    .option('--json', 'print one JSON document on stdout at the end, and the differences on stderr')
    .helpOption('-h, --help', 'print this help')
    .addHelpText(
      'after',
      `
Exit status:
  0    all that was looked at is equal
  1    there are differences, or something could not be compared; each is named
  2    wrong usage or bad input
  3    refused: SRC and DST are the same
  130  ended by SIGINT or SIGTERM`,
    );
}

export function defineAnalyze(): Command {
  return new Command('smartcopy analyze')
    .usage('[options] [PATH...]')
    .description('Shows what this host offers a copy: CPUs, memory, the file systems and storage of each PATH, and io_uring.')
    .argument('[PATH...]', 'files or directories; the working directory if none is given')
    .option(
      '--detailed',
      'also caches, memory nodes, and what each PATH can do: tried in a folder of its own there, which is removed again',
    )
    .option('--io-uring', 'only what io_uring is worth here, and why not more')
    .option('--sparse <file>', 'only show what FILE occupies and where its holes are')
    .option('--json', 'print one JSON document')
    .helpOption('-h, --help', 'print this help');
}

export function defineAcl(): Command {
  return new Command('smartcopy acl')
    .usage('--show [options] FILE...')
    .description(
      'Shows the ACLs of each FILE as far as Linux sees them: POSIX ACLs as getfacl does, Windows security descriptors (of Samba, NTFS and SMB mounts) as SDDL.',
    )
    .argument('<FILE...>', 'files or directories; links are followed')
    .option('--show', 'show them; there is nothing else to do with them here')
    .option('--json', 'print one JSON document')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', exitStatuses);
}

export function defineBenchmark(): Command {
  return new Command('smartcopy benchmark')
    .usage('[options] DIR')
    .description(
      'Measures what copies can reach in DIR on this host: memory, reading and writing, one large file, many small files, digests. Everything happens in a folder of its own in DIR, which is removed again.',
    )
    .argument('DIR', 'a directory on the storage that is to be measured')
    .option('--size <size>', 'bytes of the large file: 1M to 1T; twice as much and a little more must be free', '1G')
    .option('--json', 'print one JSON document')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', exitStatuses);
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
      hints.push(`--verify takes ${digestList}, and before anything else means xxhash3`);
    }
    if (error.code === 'commander.excessArguments' && given.includes('--sparse=auto')) {
      hints.push('--sparse takes auto, always or never, and before anything else means auto');
    }
    throw new InputError([escapePath(argumentBytes(sentence)), ...hints, `see ${command.name()} --help`].join('; '), { cause: error });
  }
}

/** Lists that are given one after the other are one. What was before the first is no list: nothing, or the `true` of an option `no-`. */
function join(value: string, previous: unknown): string {
  return typeof previous === 'string' ? `${previous},${value}` : value;
}

function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value];
}

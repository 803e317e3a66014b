import { binding } from './binding.ts';

/** What a running transfer has done so far. Bytes are bytes of file content; a hard link counts as a file and adds no bytes. */
export interface Counters {
  /** Content found so far; the whole of it once `totalsFinal`. A file with several links counts its bytes once. */
  readonly bytesTotal: number;
  /** Content that reached the destination: the sum of the bytes by method. */
  readonly bytesDone: number;
  /** Content of files left alone because they were equal already. */
  readonly bytesUnchanged: number;
  /** Names that are not directories: regular files, symbolic links, further names of a hard-linked file. */
  readonly filesTotal: number;
  readonly filesDone: number;
  readonly filesUnchanged: number;
  /** Entries that failed, directories among them. */
  readonly filesFailed: number;
  /** Files left alone because the destination has another by their name, and onConflict is Skip. Their bytes count as unchanged. */
  readonly filesSkipped: number;
  readonly directoriesDone: number;
  /** Devices, sockets and FIFOs, which are not copied. */
  readonly entriesRefused: number;
  /** Entries that were not asked for: by selection, by symlinks Skip, by oneFileSystem. A directory that is not walked counts once. */
  readonly entriesFiltered: number;
  /** Content read back from the destination and found equal. */
  readonly bytesVerified: number;
  /** Bytes by what moved them; disjoint, and together `bytesDone`. */
  readonly reflinkBytes: number;
  readonly copyFileRangeBytes: number;
  readonly readWriteBytes: number;
  readonly ioUringBytes: number;
  readonly mmapBytes: number;
  /** Holes that were made again instead of being read and written. */
  readonly holeBytes: number;
  /** Beside these: how many of them were written past the page cache. */
  readonly directIoBytes: number;
  /** Time that threads spent waiting for the bandwidth limit, summed over threads. */
  readonly throttleWaitMs: number;
  readonly totalsFinal: boolean;
}

/**
 * The few shared words through which a running transfer is cancelled, slowed and measured.
 * One block serves one transfer. The engine polls it at every buffer it moves, so an order takes effect within
 * milliseconds; reading the counters costs the engine nothing.
 */
export class ControlBlock {
  /** The memory shared with the engine: one word for each name the engine declares, in its order. */
  readonly words = new BigInt64Array(new SharedArrayBuffer(8 * binding.controlWords.length));

  constructor() {
    this.limit(undefined);
  }

  /** Stops the transfer: finished files stay, unfinished ones are removed. */
  cancel(): void {
    Atomics.store(this.words, wordIndex('cancel'), 1n);
  }

  /** Sets the bytes per second for the whole transfer: `undefined` lifts the limit, 0 lets nothing move. */
  limit(bytesPerSecond: number | undefined): void {
    Atomics.store(this.words, wordIndex('bytesPerSecond'), bytesPerSecond === undefined ? -1n : BigInt(Math.floor(bytesPerSecond)));
  }

  counters(): Counters {
    const read = (name: string): number => saturated(Atomics.load(this.words, wordIndex(name)));
    const byMethod = {
      reflinkBytes: read('reflinkBytes'),
      copyFileRangeBytes: read('copyFileRangeBytes'),
      readWriteBytes: read('readWriteBytes'),
      ioUringBytes: read('ioUringBytes'),
      mmapBytes: read('mmapBytes'),
      holeBytes: read('holeBytes'),
    };
    return {
      bytesTotal: read('bytesTotal'),
      bytesDone: Math.min(
        Object.values(byMethod).reduce((sum, bytes) => sum + bytes, 0),
        Number.MAX_SAFE_INTEGER,
      ),
      bytesUnchanged: read('bytesUnchanged'),
      filesTotal: read('filesTotal'),
      filesDone: read('filesDone'),
      filesUnchanged: read('filesUnchanged'),
      filesFailed: read('filesFailed'),
      filesSkipped: read('filesSkipped'),
      directoriesDone: read('directoriesDone'),
      entriesRefused: read('entriesRefused'),
      entriesFiltered: read('entriesFiltered'),
      bytesVerified: read('bytesVerified'),
      ...byMethod,
      directIoBytes: read('directIoBytes'),
      throttleWaitMs: read('throttleWaitNs') / 1e6,
      totalsFinal: read('totalsFinal') === 1,
    };
  }
}

/** A few sparse files have more bytes than there are exact numbers, or than a word holds: such sums say "at least", and never less than 0. */
function saturated(word: bigint): number {
  return Math.min(Number(BigInt.asUintN(64, word)), Number.MAX_SAFE_INTEGER);
}

function wordIndex(name: string): number {
  const index = binding.controlWords.indexOf(name);
  if (index < 0) throw new RangeError(`the engine has no control word named ${name}`);
  return index;
}

import type { AgentRoot, AssignedEnd } from '@smartcopy/crds';
import { HostFiles } from '../system/host-files.ts';
import { type DirectoryFacts, lookAtDirectory } from '../system/look-at-directory.ts';
import { readMounts } from '../system/mounts.ts';

/** A directory of this node that its own configuration opens. */
export interface ConfiguredRoot {
  readonly alias: string;
  /** As policies name it. */
  readonly hostPath: string;
  /** Where this process sees it. */
  readonly path: string;
}

type Look = { readonly kind: 'ready'; readonly facts: DirectoryFacts } | { readonly kind: 'missing'; readonly message: string };

/** How long a file system may take to say what it is, before its root counts as missing. */
const patienceMs = 2_000;
/** Calls that may hang at once. Node makes them in four threads, and two must be left for everything else. */
const maxHanging = 2;
const maxMessageLength = 256;

/** What is there of the configured roots. No root is ever made: a disk that is not mounted must not be taken for an empty directory. */
export class RootTable {
  readonly #roots: readonly ConfiguredRoot[];
  readonly #host = new HostFiles('/');
  readonly #looks = new Map<ConfiguredRoot, Look>();
  readonly #underWay = new Map<ConfiguredRoot, Promise<void>>();

  constructor(roots: readonly ConfiguredRoot[]) {
    this.#roots = roots;
  }

  /** Looks at every root again; ends soon, also when a file system does not answer. */
  async look(): Promise<void> {
    const mounts = readMounts(this.#host);
    for (const root of this.#roots) {
      // One that hangs is as it was found; the next look after its answer tells more.
      if (this.#underWay.has(root) || this.#underWay.size >= maxHanging) continue;
      const looking = this.#begin(root, () => lookAtDirectory(root.path, this.#host, mounts));
      if (!(await endsWithin(patienceMs, looking))) this.#looks.set(root, missing(root, 'its file system does not answer'));
    }
  }

  reports(): AgentRoot[] {
    return this.#roots.map((root) => ({ alias: root.alias, hostPath: root.hostPath, ...describe(this.#lookOf(root)) }));
  }

  /** The root that a policy's words stand for, if this node opens it and it is there. Both alias and directory must be the same. */
  find({ alias, hostPath }: Pick<AssignedEnd, 'alias' | 'hostPath'>): { readonly path: string; readonly isReadOnly: boolean } | undefined {
    const root = this.#roots.find((candidate) => candidate.alias === alias && candidate.hostPath === hostPath);
    const look = root === undefined ? undefined : this.#lookOf(root);
    if (root === undefined || look?.kind !== 'ready') return undefined;
    return { path: root.path, isReadOnly: look.facts.isReadOnly };
  }

  #lookOf(root: ConfiguredRoot): Look {
    return this.#looks.get(root) ?? missing(root, 'it was not looked at yet');
  }

  #begin(root: ConfiguredRoot, look: () => Promise<DirectoryFacts>): Promise<void> {
    const looking = look()
      .then(
        (facts) => this.#looks.set(root, { kind: 'ready', facts }),
        (error) => this.#looks.set(root, missing(root, wordFor(error))),
      )
      .then(() => {
        this.#underWay.delete(root);
      });
    this.#underWay.set(root, looking);
    return looking;
  }
}

function describe(look: Look): Omit<AgentRoot, 'alias' | 'hostPath'> {
  if (look.kind === 'missing') return { state: 'Missing', message: look.message };
  const { storage, isReadOnly } = look.facts;
  return {
    state: 'Ready',
    readOnly: isReadOnly,
    ...(storage === undefined ? {} : { fileSystem: storage.fileSystem.slice(0, 32), storage: storage.kind, reflink: storage.reflink }),
  };
}

function missing({ path }: ConfiguredRoot, why: string): Look {
  return { kind: 'missing', message: `${path}: ${why}`.slice(-maxMessageLength) };
}

const words: Readonly<Record<string, string>> = { ENOENT: 'it does not exist', ENOTDIR: 'it is no directory', EACCES: 'permission denied' };

function wordFor(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return words[code] ?? code;
}

async function endsWithin(ms: number, looking: Promise<void>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, ms, false);
  try {
    return await Promise.race([looking.then(() => true), promise]);
  } finally {
    clearTimeout(timer);
  }
}

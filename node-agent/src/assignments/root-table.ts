import type { AgentRoot, AssignedEnd } from '@smartcopy/crds';
import { endsWithin } from '../pause.ts';
import { type DirectoryAnswer, DirectoryLooks } from '../system/directory-looks.ts';
import { type DirectoryFacts, linkOnTheWay } from '../system/look-at-directory.ts';

/** A directory of this node that its own configuration opens. */
export interface ConfiguredRoot {
  readonly alias: string;
  /** As policies name it. */
  readonly hostPath: string;
  /** Where this process sees it. */
  readonly path: string;
}

/** A root that is there, and what is known of its storage. */
export type FoundRoot = Pick<ConfiguredRoot, 'path'> & Pick<DirectoryFacts, 'isReadOnly' | 'near'>;

type Look = { readonly kind: 'ready'; readonly facts: DirectoryFacts } | { readonly kind: 'missing'; readonly message: string };

/** How long a file system may take to say what it is, before its root counts as missing. */
const patienceMs = 2_000;
const maxMessageLength = 256;

/** What is there of the configured roots. No root is ever made: a disk that is not mounted must not be taken for an empty directory. */
export class RootTable {
  /** In the order in which they are looked at next. */
  #roots: readonly ConfiguredRoot[];
  readonly #configured: readonly ConfiguredRoot[];
  readonly #directories = new DirectoryLooks();
  readonly #looks = new Map<ConfiguredRoot, Look>();
  readonly #underWay = new Map<ConfiguredRoot, Promise<void>>();
  #looking: Promise<void> | undefined;

  constructor(roots: readonly ConfiguredRoot[]) {
    this.#roots = roots;
    this.#configured = roots;
  }

  /** Looks at the roots again; ends soon, also when file systems do not answer: then the other roots are looked at the next time. */
  look(): Promise<void> {
    this.#looking ??= this.#lookInTurn().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Waits until no look is under way: for ever, while a file system does not answer. */
  async whenAnswered(): Promise<void> {
    while (this.#looking !== undefined || this.#underWay.size > 0) await Promise.all([this.#looking, ...this.#underWay.values()]);
  }

  reports(): AgentRoot[] {
    return this.#configured.map((root) => ({ alias: root.alias, hostPath: root.hostPath, ...describe(this.#lookOf(root)) }));
  }

  /** The root that a policy's words stand for, if this node opens it and it is there. Both alias and directory must be the same. */
  find({ alias, hostPath }: Pick<AssignedEnd, 'alias' | 'hostPath'>): FoundRoot | undefined {
    const root = this.#configured.find((candidate) => candidate.alias === alias && candidate.hostPath === hostPath);
    const look = root === undefined ? undefined : this.#lookOf(root);
    if (root === undefined || look?.kind !== 'ready') return undefined;
    const { isReadOnly, near } = look.facts;
    return { path: root.path, isReadOnly, ...(near === undefined ? {} : { near }) };
  }

  async #lookInTurn(): Promise<void> {
    for (const [index, root] of this.#roots.entries()) {
      // One that hangs is as it was found, and costs nothing more; the next look after its answer tells more.
      if (this.#underWay.has(root)) continue;
      await this.#directories.prepare().catch(() => undefined); // The look will say why.
      if (await endsWithin(patienceMs, this.#begin(root))) continue;
      this.#looks.set(root, missing(root, 'its file system does not answer'));
      // Many may hang for one reason: waiting for each of them at once would keep the operator waiting for longer than a lease.
      this.#roots = [...this.#roots.slice(index + 1), ...this.#roots.slice(0, index + 1)];
      return;
    }
  }

  #lookOf(root: ConfiguredRoot): Look {
    return this.#looks.get(root) ?? missing(root, 'it was not looked at yet');
  }

  #begin(root: ConfiguredRoot): Promise<void> {
    const looking = this.#directories
      .look(root.path)
      .catch((error): DirectoryAnswer => ({ kind: 'absent', code: error instanceof Error ? error.message : String(error) }))
      .then((answer) => {
        this.#underWay.delete(root);
        this.#looks.set(root, answer.kind === 'there' ? { kind: 'ready', facts: answer.facts } : missing(root, wordFor(answer.code)));
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

const words: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  ENOTDIR: 'it is no directory',
  EACCES: 'permission denied',
  [linkOnTheWay]: 'a symbolic link stands in its path; name the directory itself',
};

function wordFor(code: string): string {
  return words[code] ?? code;
}

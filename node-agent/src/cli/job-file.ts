import { InvalidObjectError, parseTransferJob, type TransferJob } from '@smartcopy/crds';
import { escapePath } from '../engine/escape-path.ts';
import { InputError } from '../errors.ts';
import { readYamlFile, type YamlDocument } from './yaml-file.ts';

/** A job as it was read, and where it stands: `jobs.yaml:12`. */
export interface FoundJob {
  readonly job: TransferJob;
  readonly locate: YamlDocument['locate'];
}

/**
 * The TransferJobs of a YAML file, in their order, with their defaults.
 * @throws InputError naming, with its line, everything that is wrong anywhere in the file
 */
export function readJobFile(file: Buffer): readonly FoundJob[] {
  const documents = readYamlFile(file);
  if (documents.length === 0) throw new InputError(`${escapePath(file)} has no TransferJob in it`);
  const problems: string[] = [];
  const found: FoundJob[] = [];
  for (const { value, locate } of documents) {
    try {
      found.push({ job: parseTransferJob(value), locate });
    } catch (error) {
      if (!(error instanceof InvalidObjectError)) throw error;
      problems.push(...error.problems.map((problem) => `${locate(pathOfProblem(problem))}: ${problem}`));
    }
  }
  problems.push(...findRepeated(found));
  if (problems.length > 0) throw new InputError(problems.join('; '));
  return found;
}

/** The name by which people and kubectl know a job. */
export function nameOfJob({ metadata }: TransferJob): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}

/** Applied to a cluster, the second of one name would change the first. */
function findRepeated(found: readonly FoundJob[]): readonly string[] {
  return found.flatMap(({ job, locate }, index) => {
    const first = found.slice(0, index).find((earlier) => nameOfJob(earlier.job) === nameOfJob(job));
    if (first === undefined) return [];
    return [
      `${locate(['metadata', 'name'])}: metadata.name: ${nameOfJob(job)} is already the name of the job at ${first.locate(['metadata', 'name'])}`,
    ];
  });
}

/** A problem begins with its field: `spec.source.nodePath.path: …`, `status.errors[0].path: …`, `spec["odd key"]: …`. */
function pathOfProblem(problem: string): readonly PropertyKey[] {
  const [field = ''] = /^(?:[\w-]+|[.]|\[\d+\]|\["(?:[^"\\]|\\.)*"\])+/.exec(problem) ?? [];
  return Array.from(field.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([\w-]+)/g), ([, index, quoted, word]) =>
    index === undefined ? (quoted ?? word ?? '') : Number(index),
  );
}

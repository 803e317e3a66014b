import { InvalidObjectError } from '../errors.ts';
import { problemsOf, sentence } from './problem.ts';
import { type TransferJob, transferJob } from './transfer-job.ts';

/**
 * Checks a document as the API server would, and fills in defaults; sizes become bytes.
 * @param document a parsed YAML or JSON document
 * @throws InvalidObjectError with a sentence for each problem
 */
export function parseTransferJob(document: unknown): TransferJob {
  const result = transferJob.safeParse(document, { error: sentence });
  if (result.success) return result.data;
  const { issues } = result.error;
  // In an object of another kind every other complaint would be about fields that this kind does not know.
  const identity = issues.filter(({ path: [member] }) => member === 'apiVersion' || member === 'kind');
  throw new InvalidObjectError('TransferJob', problemsOf(identity.length > 0 ? identity : issues), { cause: result.error });
}

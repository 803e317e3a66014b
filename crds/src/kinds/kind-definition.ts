import type { z } from 'zod';

export const group = 'smartcopy.io';
export const version = 'v1alpha1';
export const apiVersion = `${group}/${version}`;

/** A column of `kubectl get`; priority 1 shows it only with `-o wide`. */
interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly format?: 'int64';
  readonly jsonPath: string;
  readonly priority?: 1;
}

/** A CEL rule over the whole object before and after a change. */
export interface TransitionRule {
  readonly cel: string;
  readonly message: string;
  /** The field that the refusal names, such as `.spec.source`. */
  readonly fieldPath: string;
}

/** What a CustomResourceDefinition says about a kind beyond the two schemas, in the API's own words. */
export interface KindDefinition {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly scope: 'Namespaced' | 'Cluster';
  readonly description: string;
  /** Where its schemas are declared, for people who open the generated file; relative to the repository. */
  readonly declaredIn: string;
  /** Absent for a kind that only reports. */
  readonly spec?: z.ZodType;
  readonly status: z.ZodType;
  /** Rules about the change from `oldSelf` to `self`, which only the API server can check. */
  readonly transitionRules?: readonly TransitionRule[];
  readonly columns: readonly PrinterColumn[];
}

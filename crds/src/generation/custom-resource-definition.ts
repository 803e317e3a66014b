import { group, type KindDefinition, version } from '../kinds/kind-definition.ts';
import { type StructuralSchema, structuralSchema } from './structural-schema.ts';

/** The CustomResourceDefinition of a kind as a plain object, ready to be written as YAML. */
export function customResourceDefinition(definition: KindDefinition) {
  const { kind, plural, singular, shortNames, scope, columns } = definition;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames, categories: ['smartcopy'] },
      scope,
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns,
          schema: { openAPIV3Schema: objectSchema(definition) },
        },
      ],
    },
  };
}

/** The schema of a whole object of the kind. */
export function objectSchema({ description, spec, status, transitionRules }: KindDefinition): StructuralSchema {
  return {
    description,
    type: 'object',
    required: spec === undefined ? undefined : ['spec'],
    properties: {
      apiVersion: { description: `The API and its version: ${group}/${version}.`, type: 'string' },
      kind: { description: 'The kind of this object.', type: 'string' },
      // The API server checks and describes metadata itself, and refuses a definition that says more about it.
      metadata: { type: 'object' },
      ...(spec === undefined ? {} : { spec: structuralSchema(spec) }),
      status: structuralSchema(status),
    },
    'x-kubernetes-validations': transitionRules?.map(({ cel, message, fieldPath }) => ({ rule: cel, message, fieldPath })),
  };
}

// The form of the tables of objects that every door must accept or refuse: the schemas here, and a real API server.

/** A document that is accepted. One with a status gets it the way the operator writes it, apart from the rest. */
export interface AcceptedObject {
  readonly name: string;
  readonly document: object;
}

/** A document that is refused, and by what. */
export interface RefusedObject {
  readonly name: string;
  readonly document: object;
  /** `rule`: both doors say the same sentence. `structure`: the API server refuses the field in its own words. `unknown`: its strict decoding does. */
  readonly by: 'rule' | 'structure' | 'unknown';
  /** The field that both doors name. */
  readonly field: string;
  /** What is said about it here, and for a rule there too. */
  readonly message: string;
}

/** A change of a stored object, which only the API server can judge: the schemas here never see the object before it. */
export interface Transition {
  readonly name: string;
  readonly before: object;
  /** What is written to the status in between, as the operator does. */
  readonly status?: object;
  readonly after: object;
  /** The fields whose change is refused; none means that all is accepted. */
  readonly refused: readonly string[];
}

/** Both doors say the same sentence about the field. */
export function rule(name: string, document: object, field: string, message: string): RefusedObject {
  return { name, document, by: 'rule', field, message };
}

/** The API server refuses the field in its own words; the message is what is said here. */
export function structure(name: string, document: object, field: string, message: string): RefusedObject {
  return { name, document, by: 'structure', field, message };
}

/** The schema has no such field. */
export function unknown(name: string, document: object, field: string): RefusedObject {
  return { name, document, by: 'unknown', field, message: 'this version of SmartCopy has no such field; check its spelling or remove it' };
}

import { z } from 'zod';
import { type FileAcl, readFileAcls } from '../acl/file-acls.ts';
import { toGetfaclLines } from '../acl/posix-acl.ts';
import { aceToSddl, toSddl } from '../acl/sddl.ts';
import type { Acl, SecurityDescriptor } from '../acl/security-descriptor.ts';
import { nameOfSid } from '../acl/sid.ts';
import { escapePath, pathHex } from '../engine/escape-path.ts';
import { InputError } from '../errors.ts';
import { deliverAnswer } from './answer.ts';
import { argumentBytes } from './arguments.ts';
import type { CommandContext } from './dispatch.ts';
import { type ExitStatus, exitStatus } from './exit-status.ts';
import { parseOptions } from './parse-options.ts';

const optionsSchema = z.object({ show: z.boolean().default(false), json: z.boolean().default(false) });

interface ShownFile {
  readonly path: Buffer;
  readonly acls: readonly FileAcl[];
}

/**
 * `smartcopy acl --show FILE...`: the ACLs of files, Windows' as SDDL, POSIX' as getfacl shows them.
 * @throws InputError for a missing --show, and for a file that cannot be looked at
 */
export function acl(options: unknown, operands: readonly string[], { screen }: CommandContext): ExitStatus {
  const { show, json } = parseOptions(optionsSchema, options);
  if (!show) throw new InputError('acl shows and changes nothing: smartcopy acl --show FILE; a copy keeps ACLs by itself');
  const files = operands.map(argumentBytes).map(readOrRefuse);
  const isWhole = files.every(({ acls }) => acls.every(({ kind }) => kind !== 'Unreadable'));
  const text = json ? `${JSON.stringify({ files: files.map(fileForJson) }, undefined, 2)}\n` : files.map(fileAsText).join('\n');
  return deliverAnswer(text, isWhole ? exitStatus.done : exitStatus.failed, screen);
}

function readOrRefuse(path: Buffer): ShownFile {
  try {
    return { path, acls: readFileAcls(path) };
  } catch (error) {
    if (!(error instanceof Error && 'errno' in error)) throw error;
    throw new InputError(`${escapePath(path)} cannot be looked at: ${error.message}`, { cause: error });
  }
}

function fileAsText({ path, acls }: ShownFile): string {
  const lines = acls.length === 0 ? ['  no ACL: its mode says all'] : acls.flatMap(aclAsLines);
  return [escapePath(path), ...lines.map((line) => escapeLine(line)), ''].join('\n');
}

/** Descriptions are somebody else's bytes. Tabs are getfacl's own. */
function escapeLine(line: string): string {
  return line
    .split('\t')
    .map((part) => escapePath(Buffer.from(part)))
    .join('\t');
}

function aclAsLines(shown: FileAcl): readonly string[] {
  switch (shown.kind) {
    case 'Posix':
      return [`  ${shown.attribute}`, ...toGetfaclLines(shown.entries, shown.isDefault ? 'default:' : '').map((line) => `    ${line}`)];
    case 'Windows': {
      const { descriptor } = shown;
      const rows = descriptor === undefined ? ['no security descriptor in it'] : [toSddl(descriptor), ...describeDescriptor(descriptor)];
      return [`  ${shown.attribute} (${shown.origin})`, ...rows.map((row) => `    ${row}`)];
    }
    case 'Unreadable':
      return [`  ${shown.attribute}`, `    cannot be shown: ${shown.problem}`];
  }
}

/** The same once more for people: a row for each part, with names where they are known. */
function describeDescriptor({ owner, group, dacl, sacl }: SecurityDescriptor): readonly string[] {
  return [
    ...(owner === undefined ? [] : [row('owner', owner, nameOfSid(owner))]),
    ...(group === undefined ? [] : [row('group', group, nameOfSid(group))]),
    ...describeAcl('dacl', dacl),
    ...describeAcl('sacl', sacl),
  ];
}

function describeAcl(label: string, list: Acl | null | undefined): readonly string[] {
  if (list === undefined) return [];
  if (list === null) return [row(label, 'none', 'everybody may do everything')];
  if (list.entries.length === 0) return [row(label, 'empty', undefined)];
  return list.entries.map((ace) => row(label, aceToSddl(ace), ace.sid === undefined ? undefined : nameOfSid(ace.sid)));
}

function row(label: string, value: string, name: string | undefined): string {
  return `${label}  ${value}${name === undefined ? '' : `  ${name}`}`;
}

function fileForJson({ path, acls }: ShownFile): object {
  const hex = pathHex(path);
  return { path: escapePath(path), ...(hex === undefined ? {} : { pathHex: hex }), acls: acls.map(aclForJson) };
}

function aclForJson(shown: FileAcl): object {
  switch (shown.kind) {
    case 'Posix':
      return shown;
    case 'Windows': {
      const { descriptor, ...rest } = shown;
      return { ...rest, ...(descriptor === undefined ? {} : { sddl: toSddl(descriptor), ...namedSids(descriptor) }) };
    }
    case 'Unreadable': {
      const { bytes, ...rest } = shown;
      return { ...rest, ...(bytes === undefined ? {} : { base64: bytes.toString('base64') }) };
    }
  }
}

function namedSids({ owner, group }: SecurityDescriptor): object {
  return { ...(owner === undefined ? {} : { owner }), ...(group === undefined ? {} : { group }) };
}

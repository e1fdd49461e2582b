import * as vscode from "vscode";
import type { Text } from "./text";

/** A sentence in the editor's language. */
export function translated({ template, values }: Text): string {
  return vscode.l10n.t(template, ...values);
}

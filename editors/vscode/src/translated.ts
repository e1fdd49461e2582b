import * as vscode from "vscode";
import type { Text } from "./text";

/** A sentence in the editor's language, and its numbers as they are written there. */
export function translated({ template, values }: Text): string {
  return vscode.l10n.t(
    template,
    ...values.map((value) =>
      typeof value === "number" ? value.toLocaleString(vscode.env.language) : value,
    ),
  );
}

// Where the server's program is, and whether it is one that this extension can
// talk to. Knows nothing of the editor: the setting, folders and environment
// come in as values.

import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import * as path from "node:path";
import { text, untranslated, type Text } from "./text";

/** The oldest server whose answers this extension understands. */
export const oldestServer: Version = [0, 1, 0];

/** How long `cabhfuil-lsp version` may take: a cold disk, not a hung program, which may not even heed SIGTERM. */
const limits = { timeout: 10_000, killSignal: "SIGKILL" } as const;

export type Version = readonly [major: number, minor: number, patch: number];

export interface Surroundings {
  /** The setting `cabhfuil.server.path`; empty when unset. */
  readonly setting: string;
  /** Where the extension is installed. */
  readonly extensionPath: string;
  readonly home: string;
  /** The environment's PATH. */
  readonly searchPath: string;
  readonly windows: boolean;
}

export interface Candidate {
  readonly path: string;
  readonly origin: "setting" | "bundled" | "PATH";
}

export interface Server {
  readonly path: string;
  readonly origin: Candidate["origin"];
  readonly version: string;
}

/** What is wrong, and in `advice` what the user can do about it. */
export class ServerProblem extends Error {
  constructor(
    readonly problem: Text,
    readonly advice: Text,
    /** Where one looks first: the setting of the program, or the log. */
    readonly look: "setting" | "log" = "setting",
  ) {
    super(untranslated(problem));
    this.name = "ServerProblem";
  }
}

/**
 * The programs to try, best first. A setting stands alone: who names a program
 * wants that one, and another in its place would hide the mistake.
 */
export function candidates(s: Surroundings): Candidate[] {
  const setting = s.setting.trim();
  if (setting !== "") {
    const expanded = setting.replace(/^~(?=$|[\\/])/, () => s.home);
    return [{ path: expanded, origin: "setting" }];
  }
  const name = s.windows ? "cabhfuil-lsp.exe" : "cabhfuil-lsp";
  const folders = s.searchPath
    .split(s.windows ? ";" : ":")
    // A relative entry would find a program in the folder that happens to be open.
    .filter((folder) => path.isAbsolute(folder));
  return [
    { path: path.join(s.extensionPath, "bin", name), origin: "bundled" },
    ...folders.map((folder): Candidate => ({ path: path.join(folder, name), origin: "PATH" })),
  ];
}

/** Finds a server that answers; throws a ServerProblem when there is none. */
export async function findServer(s: Surroundings): Promise<Server> {
  for (const candidate of candidates(s)) {
    if (candidate.origin === "setting" && !path.isAbsolute(candidate.path)) {
      throw new ServerProblem(
        text(
          "The setting cabhfuil.server.path is “{0}”, which is no absolute path.",
          candidate.path,
        ),
        text("Give the whole path of the cabhfuil-lsp program, or clear the setting."),
      );
    }
    if (await isProgram(candidate.path)) {
      return await verify(candidate);
    }
    if (candidate.origin === "setting") {
      throw new ServerProblem(
        text("The setting cabhfuil.server.path names “{0}”, where no program is.", candidate.path),
        text("Correct the setting, or clear it to use the one on PATH."),
      );
    }
  }
  throw new ServerProblem(
    text("The program cabhfuil-lsp was not found."),
    text("Put it on PATH, or name it in the setting cabhfuil.server.path."),
  );
}

async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

async function verify(candidate: Candidate): Promise<Server> {
  const shown = await runVersion(candidate.path);
  const version = parseVersion(shown);
  if (version === undefined) {
    throw new ServerProblem(
      text("“{0}” does not answer as cabhfuil-lsp does.", candidate.path),
      text("Name the right program in the setting cabhfuil.server.path."),
    );
  }
  if (!isSupported(version)) {
    throw new ServerProblem(
      text(
        "“{0}” has version {1}; this extension works with {2} and later of the same major version.",
        candidate.path,
        version.join("."),
        oldestServer.join("."),
      ),
      text("Install a server that fits, or the extension that came with yours."),
    );
  }
  return { ...candidate, version: version.join(".") };
}

async function runVersion(file: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    execFile(file, ["version"], limits, (error, stdout) => {
      if (error === null) {
        resolve(stdout);
        return;
      }
      // The message of a failed execFile repeats the whole command line.
      reject(
        new ServerProblem(
          error.killed === true
            ? text("“{0}” gave no answer in time.", file)
            : text("“{0}” could not be run ({1}).", file, String(error.code ?? error.signal)),
          text("Run it with “version” in a terminal to see why."),
        ),
      );
    });
  });
}

/** The version in what `cabhfuil-lsp version` prints; undefined for other programs. */
export function parseVersion(shown: string): Version | undefined {
  const found = /^cabhfuil-lsp v?(\d+)\.(\d+)\.(\d+)/.exec(shown);
  return found === null ? undefined : [Number(found[1]), Number(found[2]), Number(found[3])];
}

export function isSupported(version: Version): boolean {
  if (version[0] !== oldestServer[0]) {
    return false;
  }
  return (
    version[1] > oldestServer[1] ||
    (version[1] === oldestServer[1] && version[2] >= oldestServer[2])
  );
}

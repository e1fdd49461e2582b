// The table of the view "Release lines": a row for each line, what stands in it
// and which sign it has. Knows nothing of the editor.

import type { LandingAnswer, MatchAnswer } from "./answers";
import { oneLine, text, type Text } from "./text";

/** A sign of the editor's, and one of its theme's colours. */
export interface Sign {
  readonly icon: string;
  readonly color: string | undefined;
}

export interface LineRow {
  readonly name: string;
  readonly state: Text;
  /** The commit on this line and the first tag, in as few words as fit beside a name. */
  readonly brief: readonly string[];
  /** The same, and what else there is to say, in sentences. */
  readonly details: readonly Text[];
  readonly sign: Sign;
  /** Somebody should look at this line. */
  readonly attention: boolean;
  readonly landing: LandingAnswer;
}

const present: Sign = { icon: "check", color: "testing.iconPassed" };
const copied: Sign = { icon: "arrow-small-right", color: "testing.iconPassed" };
const absent: Sign = { icon: "close", color: "testing.iconFailed" };
const alarming: Sign = { icon: "warning", color: "list.warningForeground" };
const quiet: Sign = { icon: "dash", color: undefined };
const unknown: Sign = { icon: "question", color: undefined };

const states: Record<string, readonly [Text, Sign]> = {
  contains: [text("contains"), present],
  backported: [text("backported"), copied],
  reverted: [text("reverted"), alarming],
  missing: [text("missing"), absent],
  "not-affected": [text("not affected"), quiet],
  unknown: [text("unknown"), unknown],
};

/** The rows of a change, in the server's order: upstream first, then the newest line. */
export function lineRows(match: MatchAnswer): LineRow[] {
  return match.landings.map((landing) => {
    const [state, sign] = states[landing.status] ?? [text("{0}", landing.status), unknown];
    const attention =
      landing.needed || landing.incomplete.length > 0 || landing.status === "reverted";
    return {
      name: oneLine(landing.name),
      state: landing.needed ? text("missing, and needed here") : state,
      brief: brief(match, landing),
      details: details(match, landing),
      sign: attention ? alarming : sign,
      attention,
      landing,
    };
  });
}

function brief(match: MatchAnswer, { commit, firstTag }: LandingAnswer): string[] {
  return [
    ...(commit === undefined || commit === match.sha ? [] : [short(commit)]),
    ...(firstTag === undefined ? [] : [oneLine(firstTag)]),
  ];
}

function details(match: MatchAnswer, landing: LandingAnswer): Text[] {
  const all: Text[] = [];
  if (landing.commit !== undefined && landing.commit !== match.sha) {
    all.push(text("as {0}", short(landing.commit)));
  }
  if (landing.firstTag !== undefined) {
    all.push(text("since {0}", oneLine(landing.firstTag)));
  } else if (landing.status === "contains" || landing.status === "backported") {
    all.push(text("not released yet"));
  }
  if (landing.revertedBy !== undefined) {
    all.push(text("by {0}", short(landing.revertedBy)));
  }
  if (landing.incomplete.length > 0) {
    all.push(text("without its follow-up {0}", landing.incomplete.map(short).join(", ")));
  }
  return all;
}

/** The lines that have a commit of the change, each with its own: what can be compared. */
export function comparable(match: MatchAnswer): { name: string; sha: string }[] {
  const lines = match.landings.flatMap(({ name, commit }) =>
    commit === undefined ? [] : [{ name: oneLine(name), sha: commit }],
  );
  // Lines that share a commit have nothing to compare among each other.
  return lines.filter(({ sha }, i) => lines.findIndex((other) => other.sha === sha) === i);
}

export function short(sha: string): string {
  return sha.slice(0, 12);
}

const reasons: Record<string, Text> = {
  shallow: text("This clone is shallow: absence proves nothing beyond its end."),
  partial: text("Objects are missing in this clone."),
  unindexed: text("No branch or tag leads to this commit."),
  "index-behind": text("The newest commits are still being read."),
  "text-pending": text("Words are still being indexed."),
  "lineage-pending": text("Backports are still being looked for."),
  "refs-left-out": text("Some branches or tags cannot be read."),
  "forge-pending": text("The forge has not answered yet."),
  "forge-offline": text("A forge could not be asked: what it says may be missing or old."),
  format: text("This form of repository is read in part."),
};

/** Why an answer may fall short, in words. */
export function limitWords(limits: readonly string[]): Text[] {
  return limits.map((limit) => reasons[limit] ?? text("{0}", limit));
}

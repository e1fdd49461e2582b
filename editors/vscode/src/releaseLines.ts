// The table of the view "Release lines": a row for each line, what stands in it
// and which sign it has. Knows nothing of the editor.

import type { ForgeProblem, LandingAnswer, MatchAnswer } from "./answers";
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

/** Why an answer may fall short, in words: of forges which one, and what its problem is. */
export function limitWords(
  limits: readonly string[],
  problems: readonly ForgeProblem[] = [],
  now = Date.now(),
): Text[] {
  return limits.flatMap((limit) =>
    limit === "forge-offline" && problems.length > 0
      ? problems.map((problem) => forgeWords(problem, now))
      : [reasons[limit] ?? text("{0}", limit)],
  );
}

function forgeWords(problem: ForgeProblem, now: number): Text {
  const [forge, token] = [oneLine(problem.forge), oneLine(problem.token)];
  const host = oneLine(problem.host) || forge;
  switch (problem.problem) {
    case "broken":
      return text("The plugin {0} does not work; plugin list says why.", forge);
    case "limited":
      return problem.retry !== undefined && problem.retry > now
        ? text("{0} answers no more questions until {1}.", host, clock(problem.retry, now))
        : text("{0} answers no more questions for a while.", host);
    case "refused":
      return token === ""
        ? text("{0} wants a token, and none is set for it.", host)
        : text("{0} refuses the token of {1}; it may be wrong, or have expired.", host, token);
    case "forbidden":
      return token === ""
        ? text("{0} does not show this without a token.", host)
        : text("{0} does not show this to the token of {1}.", host, token);
    case "untrusted":
      return text("{0} has a certificate that is not trusted.", host);
    case "failed":
      return text("{0} said what cannot be understood; what is shown may be missing or old.", host);
    case "offline":
      return text("{0} does not answer; what it said may be missing or old.", host);
  }
  return text("{0} could not be asked; what it said may be missing or old.", host);
}

/** A time by the clock here, with its day where that is another one. */
function clock(at: number, now: number): string {
  const date = new Date(at);
  const far = at - now > 12 * 60 * 60 * 1000;
  return date.toLocaleString(undefined, {
    ...(far && ({ day: "numeric", month: "short" } as const)),
    hour: "2-digit",
    hourCycle: "h23",
    minute: "2-digit",
  });
}

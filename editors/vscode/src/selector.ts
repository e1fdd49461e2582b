/** Commits are named anywhere, so every text document takes part, whatever its language. */
export const documentSelector = ["file", "untitled", "git", "cabhfuil"].map((scheme) => ({
  scheme,
}));

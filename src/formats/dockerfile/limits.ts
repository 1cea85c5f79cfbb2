/** The largest Dockerfile that is read, in bytes. Documents within it count. */
export const MAX_DOCKERFILE_BYTES = 16 * 1024 * 1024;

/** The most lines of a Dockerfile. */
export const MAX_LINES = 500_000;

/** The most instructions of a Dockerfile. An image may have no more than 127 layers, so this is ample. */
export const MAX_INSTRUCTIONS = 10_000;

/** The most documents of one instruction. */
export const MAX_HEREDOCS = 100;

/** How deep `${a:-${b:-…}}` may go. */
export const MAX_NESTING = 100;

/** The most characters of an expanded word: the kernel takes no argument or variable above 128 KiB (MAX_ARG_STRLEN). */
export const MAX_WORD_CHARS = 1024 * 1024;

/** The most characters of all values of a stage's variables together: the kernel starts no program with more than 6 MiB. */
export const MAX_ENVIRONMENT_CHARS = 4 * 1024 * 1024;

/** The most characters of an expanded document: `ENV a=$a$a` could else grow it without end. */
export const MAX_DOCUMENT_CHARS = 32 * 1024 * 1024;

/** The most comparisons of characters that a pattern (`${v#pattern}`) may cost: its length times that of the value. */
export const MAX_PATTERN_WORK = 50_000_000;

/**
 * What all expansions of a Dockerfile together may cost: characters that come out, and comparisons of patterns. About a second.
 * Every word for itself is limited, but a Dockerfile has room for a million words.
 */
export const MAX_EXPANSION_WORK = 128 * 1024 * 1024;

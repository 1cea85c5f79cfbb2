/** A path as an overlay's mount options take it: colons part directories, commas part options. */
export function escapeOverlayPath(path: string): string {
  return path.replace(/[\\:,]/g, "\\$&");
}

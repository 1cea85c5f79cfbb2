import { getXattrFd, listXattrsFd } from "../../../kernel/xattr.ts";

/** Attributes that belong to a file wherever it lies. Others are the host's (labels) or of overlayfs. */
const KEPT_XATTRS = [/^security\.capability$/, /^user\./, /^system\.posix_acl_(access|default)$/];

export function keptXattrs(fd: number): { name: Buffer; value: Buffer }[] {
  return listXattrsFd(fd)
    .filter((name) => KEPT_XATTRS.some((kept) => kept.test(name.toString("latin1"))))
    .flatMap((name) => {
      const value = getXattrFd(fd, name);
      return value === undefined ? [] : [{ name, value }];
    });
}

import { invalid } from "../../base/errors.ts";

const EPERM = 1;
const MAX_DATA = 0xffff;

/** What a filter returns for each action. @see seccomp(2), "SECCOMP_RET_*" */
const VALUES: Record<string, number> = {
  SCMP_ACT_KILL: 0x0000_0000,
  SCMP_ACT_KILL_THREAD: 0x0000_0000,
  SCMP_ACT_KILL_PROCESS: 0x8000_0000,
  SCMP_ACT_TRAP: 0x0003_0000,
  SCMP_ACT_ERRNO: 0x0005_0000,
  SCMP_ACT_TRACE: 0x7ff0_0000,
  SCMP_ACT_LOG: 0x7ffc_0000,
  SCMP_ACT_ALLOW: 0x7fff_0000,
};

export const KILL_THREAD = 0x0000_0000;

/** The return value of an action; only ERRNO and TRACE carry a number, EPERM where none is given. */
export function actionValue(action: string, errnoRet: number | undefined): number {
  const value = VALUES[action];
  if (value === undefined) {
    const reason = action === "SCMP_ACT_NOTIFY" ? "needs a listener, which Gantry does not offer" : "is not known";
    throw invalid(`seccomp action ${JSON.stringify(action)} ${reason}`);
  }
  if (action !== "SCMP_ACT_ERRNO" && action !== "SCMP_ACT_TRACE") return value;
  return (value | ((errnoRet ?? EPERM) & MAX_DATA)) >>> 0;
}

/**
 * Named points at which a test ends the daemon as `kill -9` would: `GANTRY_FAILPOINT=name` or `name:N` (the Nth time it is
 * reached). Without the variable every call is a no-op.
 */
export function createFailpoint(setting: string | undefined): (name: string) => void {
  if (setting === undefined || setting === "") return () => {};
  const [wanted = "", count = "1"] = setting.split(":");
  let remaining = Number(count);
  return (name) => {
    if (name !== wanted || --remaining > 0) return;
    process.kill(process.pid, "SIGKILL");
  };
}

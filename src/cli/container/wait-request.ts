import type { Transport } from "../../client/transport.ts";

const DAEMON_FAILURE_CODE = 125;

/**
 * Asks for the exit code before the container starts. Resolves when the daemon has registered the wait (it sends its headers
 * at once); `code` settles with the exit.
 */
export async function requestWait(
  transport: Transport,
  id: string,
  condition: "next-exit" | "removed" | "not-running",
): Promise<{ code: Promise<number> }> {
  const query = condition === "not-running" ? {} : { condition };
  const answer = await transport.call("POST", `/containers/${id}/wait`, { query });
  const code = answer.json<{ StatusCode: number; Error?: { Message?: string } | null }>().then((result) => {
    const message = result.Error?.Message ?? "";
    return message === "" ? result.StatusCode : DAEMON_FAILURE_CODE;
  });
  code.catch(() => undefined); // a start that fails is reported first; whoever awaits `code` still sees the rejection
  return { code };
}

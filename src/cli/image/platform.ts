/** `linux/arm64/v8` as the API's JSON; "" stays "". */
export function platformJson(text: string): string {
  if (text === "") return "";
  const [os = "", architecture = "", variant] = text.split("/");
  return JSON.stringify({ os, architecture, ...(variant === undefined ? {} : { variant }) });
}

/**
 * A program that the tests run inside network namespaces.
 * `serve PORT`: answers each TCP connection and each UDP datagram on every address with the peer's address, as `from ADDRESS`.
 * `ask tcp|udp HOST PORT [SOURCE-PORT]`: prints the answer, or `failed REASON` within a second.
 */
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";

const ASK_TIMEOUT_MS = 1000;

const [verb, ...rest] = process.argv.slice(2);
if (verb === "serve") serve(Number(rest[0]));
else ask(rest[0] === "udp" ? "udp" : "tcp", rest[1] ?? "", Number(rest[2]), Number(rest[3] ?? 0));

function serve(port: number): void {
  const datagrams = createSocket("udp4");
  datagrams.on("message", (_, peer) => datagrams.send(`from ${peer.address}`, peer.port, peer.address));
  datagrams.bind(port, "0.0.0.0", () => {
    createServer((socket) => {
      socket.on("error", () => undefined);
      socket.end(`from ${socket.remoteAddress}`);
    }).listen(port, "0.0.0.0", () => console.log("ready"));
  });
}

function ask(protocol: "tcp" | "udp", host: string, port: number, sourcePort: number): void {
  const finish = (text: string) => {
    console.log(text);
    process.exit(0);
  };
  setTimeout(() => finish("failed timeout"), ASK_TIMEOUT_MS);
  if (protocol === "udp") {
    const socket = createSocket("udp4");
    socket.on("message", (answer) => finish(answer.toString()));
    socket.on("error", (error) => finish(`failed ${error.message}`));
    socket.bind(sourcePort, () => socket.send("hello", port, host));
    return;
  }
  const socket = connect(port, host);
  socket.on("data", (answer) => finish(answer.toString()));
  socket.on("error", (error) => finish(`failed ${error.message}`));
  socket.on("end", () => finish("failed no answer"));
}

import { expect, test } from "bun:test";
import { registryDomain, splitSearchTerm } from "./registry-names.ts";

function check<T>(job: () => T): T | string {
  try {
    return job();
  } catch (error) {
    return (error as Error).message;
  }
}

test.each<[string, string]>([
  ["https://index.docker.io/v1/", "docker.io"],
  ["", "docker.io"],
  ["localhost:5000", "localhost:5000"],
  ["https://registry.example/v2/", "registry.example"],
  ["[::1]:5000", "[::1]:5000"],
  ["../x", '"../x" is no address of a registry'],
  ["a b", '"a b" is no address of a registry'],
])("credentials of %j are for %s", (address, expected) => {
  expect(check(() => registryDomain(address))).toBe(expected);
});

test.each<[string, string]>([
  ["sinatra", "docker.io sinatra"],
  ["training/sinatra", "docker.io training/sinatra"],
  ["localhost:5000/ubuntu", "localhost:5000 ubuntu"],
  ["registry.example/a/b", "registry.example a/b"],
  ["localhost:5000/", "a term to search for is needed"],
  ["", "a term to search for is needed"],
])("search for %j: %s", (term, expected) => {
  const found = check(() => splitSearchTerm(term));
  expect(typeof found === "string" ? found : `${found.domain} ${found.rest}`).toBe(expected);
});

/** A client in a manual world, with its first link up. */

import { Client, type ClientOptions } from "../../src/index.js";
import { ManualEnvironment, settled } from "./manual_environment.js";

export interface World {
  readonly environment: ManualEnvironment;
  readonly client: Client;
  /** Every state so far, with its code where it had one. */
  readonly states: string[];
}

export async function world(options: ClientOptions = {}): Promise<World> {
  const environment = new ManualEnvironment();
  const client = new Client("ws://gateway.test", { environment, ...options });
  const states: string[] = [];
  client.on("state", ({ state, code }) => states.push(code === undefined ? state : `${state} ${code}`));
  await settled();
  return { environment, client, states };
}

export async function connected(options: ClientOptions = {}): Promise<World> {
  const made = await world(options);
  await made.environment.link.hello();
  return made;
}

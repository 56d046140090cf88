/** Where a gateway's routes are, worked out from the one address that the page gives. Pure. */

const SOCKET_PATH = "/api/ws";

export interface Addresses {
  readonly socket: string;
  readonly events: string;
  readonly publish: string;
  readonly replay: string;
}

/**
 * `url` is the gateway (`https://host`, `/`) or its socket (`wss://host/api/ws`); relative to `base` where it has no host.
 * Throws: TypeError where it is no URL, or not one of http, https, ws and wss.
 */
export function addressesOf(url: string, base?: string): Addresses {
  const parsed = new URL(url, base);
  const secure = /^(https|wss):$/.test(parsed.protocol);
  if (!secure && !/^(http|ws):$/.test(parsed.protocol)) throw new TypeError(`not an address of a gateway: ${url}`);
  const root = parsed.host + parsed.pathname.replace(/\/$/, "").replace(/\/api\/ws$/, "");
  const http = `http${secure ? "s" : ""}://${root}`;
  return {
    socket: `ws${secure ? "s" : ""}://${root}${SOCKET_PATH}`,
    events: `${http}/api/events`,
    publish: `${http}/api/publish`,
    replay: `${http}${SOCKET_PATH}/replay`,
  };
}

/** What the package `fanwire` offers. */

export {
  Client,
  type ClientEvents,
  type ClientOptions,
  type PublishRequest,
  type SubscribeRequest,
} from "./client/client.js";
export type { Debug } from "./client/debug.js";
export type { Clock, Environment, Page, PageEvent, SessionMemory } from "./client/environment.js";
export { FanwireError, type FanwireErrorCode } from "./client/errors.js";
export type { EventPacket, FramePacket, Packet, PacketListener, Packets } from "./client/packets.js";
export type { Published } from "./client/publications.js";
export type { State, Status } from "./client/status.js";
export type {
  Gap,
  Subscription,
  SubscriptionEvents,
  SubscriptionState,
  SubscriptionStatus,
} from "./client/subscription.js";
export type { GetToken, TokenReason } from "./client/token.js";
export type { AnyEvents, EventsOf, MessageOf } from "./client/topic_map.js";
export type { TransportKind, TransportMode } from "./client/transport_choice.js";
export type { Envelope, ErrorCode, Since } from "./wire.js";

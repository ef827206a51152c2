export {
  openSecureChannel,
  type SecureChannel,
  type SecureChannelConfig,
  type SecureChannelOptions,
} from "./channel.ts";
export { trustRoute } from "./trust-page.ts";

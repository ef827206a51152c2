import { createHmac, timingSafeEqual } from "node:crypto";

const cookieName = "session";

/** Signs and reads the cookie that remembers who is logged in. */
export interface Sessions {
  /** Value of the set-cookie header that logs `user` in. */
  login(user: string): string;
  /** Value of the set-cookie header that logs out. */
  logout(): string;
  /** Who the cookie header says is logged in; undefined where nobody is, or where the cookie is not ours. */
  user(cookieHeader: string | undefined): string | undefined;
}

/** Creates {@link Sessions}; every replica that shares `key` reads the others' cookies. */
export function createSessions(key: string): Sessions {
  const sign = (value: string) => createHmac("sha256", key).update(value).digest("base64url");
  return {
    login: (user) => {
      const value = Buffer.from(user, "utf8").toString("base64url");
      return `${cookieName}=${value}.${sign(value)}; Path=/; HttpOnly; SameSite=Lax`;
    },
    logout: () => `${cookieName}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax`,
    user: (cookieHeader) => {
      const cookie = cookieHeader
        ?.split(/;\s*/)
        .find((part) => part.startsWith(`${cookieName}=`))
        ?.slice(cookieName.length + 1);
      const [value, signature] = cookie?.split(".") ?? [];
      if (!value || !signature) return undefined;
      const given = Buffer.from(signature);
      const expected = Buffer.from(sign(value));
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
      return Buffer.from(value, "base64url").toString("utf8");
    },
  };
}

// An OpenID Connect provider on a free port of this machine, for the test that signs in at
// one. Whoever types an address on its login page is that account; it stores nothing.
import Provider from "oidc-provider";
import { createServer } from "node:http";

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: "pims-sync",
      client_secret: "client secret",
      application_type: "native", // of whose redirects on loopback the port may be any
      redirect_uris: ["http://127.0.0.1/console/openid/callback"],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    }],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, email: id, email_verified: true, name: "Ada Marlow" }) }),
    pkce: { required: () => true },
    cookies: { keys: ["for this test alone"] },
  });
  server.on("request", provider.callback());
  console.log(issuer);
});

"""The token endpoint of an identity provider (RFC 6749, client credentials), as tests need one: HTTPS, in this process.

    with TokenEndpoint(lab.home / "idp", issuer) as endpoint:
        endpoint.settings()          # what a client of it says
        endpoint.seconds = 10        # how long tokens last from now on
        endpoint.stop()              # nobody listens any more; start() listens at the same port again
"""

import base64
import http.server
import json
import ssl
import threading
import urllib.parse

from shuntlab import layout, security

CLIENT, SECRET = "mirror-client", "canary secret+of/the client"
HANDLER = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler"
MODULE = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"


class TokenEndpoint:
    def __init__(self, home, issuer, user=security.USER):
        self.authority = security.Authority(home).make()
        self._certificate = self.authority.issue("endpoint", "endpoint", ["IP:127.0.0.1"])
        self.issuer = issuer
        self.client = CLIENT
        self.secret = SECRET
        self.user = user
        self.seconds = 3600
        self.answer = None  # (status, body) in place of a token
        self.asked = 0
        self.forms = []
        self.tokens = []
        self._port = layout.free_ports(1)[0]
        self._server = None

    @property
    def url(self):
        return f"https://127.0.0.1:{self._port}/oauth/token"

    def settings(self, secret=SECRET, trust=True):
        """As users of Kafka 4.1 and later write it; the trust stands in the JAAS line."""
        trusted = f' ssl.truststore.type="PEM" ssl.truststore.location="{self.authority.certificate}"' if trust else ""
        return {
            "sasl.jaas.config": f"{MODULE} required{trusted};",
            "sasl.login.callback.handler.class": HANDLER,
            "sasl.oauthbearer.token.endpoint.url": self.url,
            "sasl.oauthbearer.client.credentials.client.id": CLIENT,
            "sasl.oauthbearer.client.credentials.client.secret": secret,
        }

    def old_settings(self, secret=SECRET):
        """As users of Kafka 3.1 and later write it."""
        return {
            "sasl.jaas.config": f'{MODULE} required clientId="{CLIENT}" clientSecret="{secret}" scope="a b" '
            f'ssl.truststore.type="PEM" ssl.truststore.location="{self.authority.certificate}";',
            "sasl.login.callback.handler.class": HANDLER.replace("oauthbearer.", "oauthbearer.secured."),
            "sasl.oauthbearer.token.endpoint.url": self.url,
        }

    def start(self):
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status, answer = endpoint.handle(self.path, self.headers["Authorization"], body)
                data = answer.encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):  # a client that does not trust us
                pass

        self._server = Server(("127.0.0.1", self._port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def handle(self, path, authorization, body):
        self.asked += 1
        form = urllib.parse.parse_qs(body)
        self.forms.append(form)
        if self.answer:
            return self.answer
        expected = "Basic " + base64.b64encode(f"{self.client}:{self.secret}".encode()).decode()
        if authorization != expected or path != "/oauth/token":
            return 401, json.dumps({"error": "invalid_client", "error_description": "Client authentication failed"})
        if form.get("grant_type") != ["client_credentials"]:
            return 400, json.dumps({"error": "unsupported_grant_type"})
        self.tokens.append(self.issuer.token(self.user, self.seconds))
        return 200, json.dumps({"access_token": self.tokens[-1], "token_type": "Bearer", "expires_in": self.seconds})

    def stop(self):
        if self._server:
            self._server.shutdown()
            self._server.server_close()
        self._server = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

"""Signs in for schemathesis: a session is used for a while and then replaced, because one that is refused again and again has to slow down."""

import os

import requests
import schemathesis

# Fewer than the console refuses to a session at once.
REQUESTS_OF_A_SESSION = 40


class Sessions:
    def __init__(self):
        self.token = None
        # By this the console knows the program again: what is guessed at sign-in meanwhile does not hold it up.
        self.device = None
        self.used = 0

    def next(self):
        if self.token is None or self.used >= REQUESTS_OF_A_SESSION:
            answer = requests.post(
                os.environ["SWITCHBACK_URL"] + "/api/v1/session",
                json={
                    "login": os.environ["SWITCHBACK_LOGIN"],
                    "password": os.environ["SWITCHBACK_PASSWORD"],
                    "device": self.device,
                },
                timeout=20,
            )
            answer.raise_for_status()
            self.token, self.device, self.used = answer.json()["token"], answer.json()["device"], 0
        self.used += 1
        return self.token


SESSIONS = Sessions()


@schemathesis.auth(refresh_interval=None)
class SignedIn:
    def get(self, case, context):
        return SESSIONS.next()

    def set(self, case, data, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"
        if case.path.endswith("/session") and case.method.upper() == "DELETE":
            # It ends with this request.
            SESSIONS.token = None

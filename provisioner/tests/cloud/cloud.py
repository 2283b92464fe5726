"""A cloud on one port of this machine: AWS (moto), Atlas (atlas.py), and the test's own endpoints (control.py).

Prints one line, `listening on http://127.0.0.1:PORT`, when it is ready.
"""

import argparse
import io
import os
import signal
import socket
import sys
import threading
import traceback

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

import faults as faulting
import recorder as recording
from atlas import Atlas
from aws import Aws
from control import Control, github_meta

# The census looks at the cloud without leaving a trace in the record and without meeting faults.
UNRECORDED = "X-Cloud-Unrecorded"


class Cloud:
    def __init__(self):
        self.url = None
        self.aws = Aws()
        self.atlas = Atlas()
        self.recorder = recording.Recorder()
        self.faults = faulting.Faults()
        self.control = Control(self)

    def __call__(self, environ, start_response):
        request = Request(environ)
        request.max_content_length = None
        if request.path.startswith(Control.PREFIX):
            response = self.control.answer(request)
        elif request.path == "/meta" and request.method == "GET":
            response = github_meta()
        else:
            response = self.serve(request, environ)
        return response(environ, start_response)

    def serve(self, request, environ):
        target = environ.get("RAW_URI") or environ.get("REQUEST_URI") or request.full_path
        call = recording.identify(request, target)
        if UNRECORDED in request.headers:
            return self.perform(call, request, environ, target)
        self.recorder.begin(call)
        # Digest clients ask without credentials first: that is not the call a test means.
        asks_first = call.service == "atlas" and "Authorization" not in request.headers
        fault = None if asks_first else self.faults.take(call)
        self.faults.wait(fault)
        response = None
        if fault is None or fault.after_effect or not (fault.answers or fault.drop):
            response = self.perform(call, request, environ, target)
        if fault is not None:
            if fault.answers:
                response = fault.response(call)
            if fault.drop:
                hang_up(environ)
                response = Response()
                self.recorder.end(call, None, True)
                return response
            if fault.truncate is not None:
                truncate(response, fault.truncate)
        self.recorder.end(call, response.status_code, fault is not None)
        return response

    def perform(self, call, request, environ, target):
        try:
            if call.service == "atlas":
                return self.atlas.answer(request, target)
            rewind(request, environ)
            return self.aws.answer(environ, lambda app, env: Response.from_app(app, env, buffered=True))
        except NotImplementedError as error:
            # What moto does not have is, to a client, what AWS answers to a name it does not know.
            code = "UnknownOperationException" if call.protocol == "json" else "InvalidAction"
            return faulting.error(call.protocol, 400, code, str(error))
        except Exception:
            # A crash of the stand-in is no answer of the cloud: say on standard error where it was.
            print(f"{call.service} {call.action}:\n{traceback.format_exc()}", file=sys.stderr, flush=True)
            return faulting.error(call.protocol, 500, "InternalFailure", "the stand-in crashed, see its standard error")


def rewind(request, environ):
    """moto reads the body from the stream, which the recorder has read already."""
    environ["wsgi.input"] = io.BytesIO(request.get_data(cache=True))
    environ.pop("werkzeug.request", None)


def hang_up(environ):
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)


def truncate(response, length):
    """Announces the whole body and sends a part of it."""
    whole = response.get_data()
    response.automatically_set_content_length = False
    response.response = [whole[:length]]
    response.headers["Content-Length"] = str(len(whole))


class Handler(WSGIRequestHandler):
    def log_request(self, *args):
        pass

    def log(self, type, message, *args):
        if type == "error":
            print(message % args, file=sys.stderr, flush=True)


def exit_with_stdin():
    # Ctrl-C is for the command that uses the cloud: it may want to finish its calls.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait():
        while sys.stdin.buffer.read(4096):
            pass
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one")
    parser.add_argument("--exit-with-stdin", action="store_true", help="exit when standard input is closed")
    arguments = parser.parse_args()

    cloud = Cloud()
    server = make_server("127.0.0.1", arguments.port, cloud, threaded=True, request_handler=Handler)
    cloud.url = f"http://127.0.0.1:{server.server_port}"
    if arguments.exit_with_stdin:
        exit_with_stdin()
    print(f"listening on {cloud.url}", flush=True)
    cloud.aws.warm_up()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()

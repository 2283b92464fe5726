"""A cloud on one port of this machine: AWS (moto), Atlas (atlas.py), and the test's own endpoints (control.py).

Prints one line, `listening on http://127.0.0.1:PORT`, when it is ready; with --for-each-connection, each connection gets
that line.
"""

import argparse
import io
import os
import random
import select
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
from control import Control
from github import GitHub
from registry import manifest

# The census looks at the cloud without leaving a trace in the record and without meeting faults.
UNRECORDED = "X-Cloud-Unrecorded"


class Cloud:
    def __init__(self):
        self.url = None
        self.aws = Aws()
        self.atlas = Atlas()
        self.github = GitHub()
        self.recorder = recording.Recorder()
        self.faults = faulting.Faults()
        self.control = Control(self)

    def __call__(self, environ, start_response):
        request = Request(environ)
        request.max_content_length = None
        if request.path.startswith(Control.PREFIX):
            response = self.control.answer(request)
        elif GitHub.owns(request):
            response = self.github.answer(request)
        elif request.path.startswith("/v2/"):
            response = manifest(request.path)
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


def exit_with(end):
    """Exits when `end`, a file of bytes, is closed at its other side."""
    # Ctrl-C is for the command that uses the cloud: it may want to finish its calls.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait():
        while end.read(4096):
            pass
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def serve(cloud, port, announce):
    server = make_server("127.0.0.1", port, cloud, threaded=True, request_handler=Handler)
    cloud.url = f"http://127.0.0.1:{server.server_port}"
    announce(f"listening on {cloud.url}")
    cloud.aws.warm_up()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


def serve_each():
    """Serves a new cloud to each connection, until standard input is closed.

    Most of what a cloud takes to start is Python reading moto, which a fork has behind it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the clouds
    cloud = Cloud()
    cloud.aws.load()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"a cloud for each connection to 127.0.0.1:{listener.getsockname()[1]}", flush=True)
        while True:
            ready, _, _ = select.select([listener, sys.stdin], [], [])
            if listener not in ready:
                return
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    listener.close()
                    random.seed()
                    exit_with(connection.makefile("rb"))
                    serve(cloud, 0, lambda line: connection.sendall(f"{line}\n".encode()))
                    os._exit(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one")
    parser.add_argument("--exit-with-stdin", action="store_true", help="exit when standard input is closed")
    parser.add_argument("--for-each-connection", action="store_true", help="a cloud for each, which ends with it")
    arguments = parser.parse_args()

    if arguments.for_each_connection:
        return serve_each()
    if arguments.exit_with_stdin:
        exit_with(sys.stdin.buffer)
    serve(Cloud(), arguments.port, lambda line: print(line, flush=True))


if __name__ == "__main__":
    main()

"""The application of the demonstration site: sessions, a form, an upload and a streamed page."""

import hashlib
import os
import time

from flask import Flask, Response, jsonify, redirect, render_template, request, session, url_for

application = Flask(__name__)
application.secret_key = os.environ.get("DEMO_SECRET_KEY", "for the demonstration only")


@application.get("/")
def index():
    session["visits"] = session.get("visits", 0) + 1
    return render_template("index.html", visits=session["visits"], name=session.get("name"))


@application.post("/name")
def name():
    session["name"] = request.form["name"]
    return redirect(url_for("index"), code=303)


@application.post("/logout")
def logout():
    session.clear()
    return redirect(url_for("index", _external=True), code=302)


@application.post("/upload")
def upload():
    """Says what arrived, so that a client can compare it with what it sent."""
    file = request.files["file"]
    digest, size = hashlib.sha256(), 0
    while block := file.stream.read(65536):
        digest.update(block)
        size += len(block)
    return jsonify(name=file.filename, size=size, sha256=digest.hexdigest())


@application.route("/echo", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def echo():
    """Returns the request as the application saw it."""
    body = request.get_data()
    return jsonify(
        method=request.method, path=request.full_path, headers=list(request.headers.items()),
        size=len(body), sha256=hashlib.sha256(body).hexdigest(), worker=os.getpid(),
        instance=os.environ.get("DEMO_INSTANCE", ""))


@application.get("/stream")
def stream():
    """Lines, one after another with a pause between them."""
    count = min(int(request.args.get("lines", 5)), 1000)
    pause = min(float(request.args.get("pause", 0.3)), 5.0)

    def lines():
        for number in range(count):
            if number:
                time.sleep(pause)
            yield f"line {number + 1} of {count}\n"

    return Response(lines(), mimetype="text/plain", headers={"X-Accel-Buffering": "no"})


@application.get("/bytes/<int:count>")
def many_bytes(count):
    """So many bytes in blocks, for large and slow downloads."""
    count = min(count, 64 * 1024 * 1024)
    block = bytes(range(256)) * 256

    def blocks():
        for start in range(0, count, len(block)):
            yield block[: min(len(block), count - start)]

    return Response(
        blocks(), mimetype="application/octet-stream", headers={"Content-Length": str(count)})


@application.get("/slow")
def slow():
    time.sleep(min(float(request.args.get("seconds", 1)), 30.0))
    return "done\n", 200, {"Content-Type": "text/plain"}


@application.get("/status/<int:code>")
def status(code):
    return f"status {code}\n", code, {"Content-Type": "text/plain"}

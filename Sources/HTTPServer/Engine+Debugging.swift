/// What is told of a request at the level `debug`, and of the clients that `debug_connection` names: nginx's most useful lines.
extension Engine {
    /// The request line and the fields as they came.
    func tellHead(of request: Request) {
        guard request.isLogged(.debug) else { return }
        let head = request.head
        request.log(.debug) {
            $0.append("http request line: \"")
            request.appendRequestLine(to: $0)
            $0.append(ASCII.quote)
        }
        for index in head.fields.indices {
            let field = head.fields[index]
            request.log(.debug) {
                $0.append("http header: \"")
                $0.append(head.bytes, field.nameRange)
                $0.append(": ")
                $0.append(head.bytes, field.valueRange)
                $0.append(ASCII.quote)
            }
        }
    }

    /// The location that was found.
    func tellLocation(of request: Request) {
        guard request.isLogged(.debug) else { return }
        request.log(.debug) {
            $0.append("using configuration \"")
            $0.append(request.location.name)
            $0.append("\" for \"")
            $0.append(request.routing.path)
            $0.append(ASCII.quote)
        }
    }

    /// How the request ends.
    func tellEnd(of request: Request) {
        guard request.isLogged(.debug) else { return }
        request.log(.debug) {
            $0.append("http finalize request: ")
            $0.append(decimal: request.response.status.code)
            $0.append(", \"")
            $0.append(request.routing.path)
            $0.append("\", ")
            $0.append(decimal: request.bytesSent)
            $0.append(" bytes sent")
        }
    }
}

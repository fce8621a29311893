/// What is true of an answer's head in every protocol.
extension Request {
    /// Settles what follows from the status: whether there is a body, and which fields make no sense.
    func settleStatus() {
        let status = response.status.code
        if status != 200, status != 206, status != 304 { response.lastModified = -1 }
        if status == 204 || status < 200 {
            response.isHeadOnly = true
            response.contentLength = -1
            response.removeContentType()
            return
        }
        // What a 304 says of the body that it does not have is true of the one that the client has; likewise with HEAD.
        if status == 304 { response.isHeadOnly = true }
    }

    /// Appends the value of the `Server` field.
    func appendServer(to output: Buffer) {
        if response.server.isEmpty { appendProduct(to: output) } else { output.append(response.server) }
    }

    /// A path becomes an absolute URI of this server, unless `absolute_redirect` is off.
    var completesLocation: Bool {
        let location = response.location
        return !location.isEmpty && location[0] == ASCII.slash && core.value.absoluteRedirect
    }

    /// Appends the absolute URI that `Location` names by its path.
    func appendCompleteLocation(to output: Buffer) {
        let settings = core
        let isSecure = connection.isSecure
        output.append(isSecure ? "https://" : "http://")
        let host = head.host
        let local = connection.localAddress
        if settings.value.serverNameInRedirect, !server.name.isEmpty {
            output.append(server.name)
        } else if !host.isEmpty {
            output.append(host)
        } else {
            local.appendText(to: output, withPort: false)
        }
        if settings.value.portInRedirect {
            let port = local.port
            if port != 0, port != (isSecure ? 443 : 80) {
                output.append(ASCII.colon)
                output.append(decimal: Int(port))
            }
        }
        output.append(response.location)
    }

    // MARK: - limit_rate

    /// How many bytes `limit_rate` lets the answer send now, of which `sent` have left already: a second's worth in advance,
    /// and what `limit_rate_after` gives free. None or less: it has to wait.
    func allowance(sent: Int) -> Int {
        let seconds = connection.loop.wallSeconds - timing.wallStart / 1_000 + 1
        let (budget, overflow) = limitRate.multipliedReportingOverflow(by: seconds)
        return overflow ? Int.max : budget - max(sent - limitRateAfter, 0)
    }

    /// Milliseconds until an allowance of none or less has become one.
    func delay(untilBeyond allowance: Int) -> Int {
        min((1 - allowance) * 1_000 / max(limitRate, 1) + 1, 60_000)
    }

    /// Milliseconds that so many bytes should take.
    func delay(for count: Int) -> Int {
        min(count * 1_000 / max(limitRate, 1) + 1, 1_000)
    }

    /// Settles the rate of the answer: by `set $limit_rate` or an upstream, else by the location.
    func settleLimitRate() {
        let settings = core
        if !flags.contains(.hasLimitRate), let template = settings.value.limitRate {
            limitRate = size(of: template)
        }
        if limitRate > 0, let template = settings.value.limitRateAfter {
            limitRateAfter = size(of: template)
        }
    }

    private func size(of template: Template) -> Int {
        if let constant = template.constant { return Units.size(constant) ?? 0 }
        let text = connection.loop.buffers.take()
        defer { connection.loop.buffers.give(text) }
        template.append(to: text, scope: self)
        return Units.size(text.span) ?? 0
    }
}

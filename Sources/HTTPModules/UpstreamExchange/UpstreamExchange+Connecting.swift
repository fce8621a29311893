/// Choosing a server and making a connection to it.
extension UpstreamExchange {
    /// Tags idle connections: those of locations with other settings are not taken.
    private var tag: Int { lentSettings.lend { Int(bitPattern: ObjectIdentifier($0)) } }

    /// The clock of balancing.
    var second: Int { loop.now / 1_000 }

    func updateAttempt(_ change: (inout UpstreamAttempt) -> Void) {
        let last = attempts.count - 1
        if last >= 0 { change(&attempts[last]) }
    }

    /// Asks the next server, on an idle connection if there is one.
    func tryNextPeer() {
        stage = .connecting
        attempt = Attempt()
        attempt.startedAt = loop.now
        head.reset()
        headBytes.removeAll()
        trailers.removeAll()
        intake = Intake()
        if heldBytes != nil { heldBytes = nil }
        if bodyFile != nil { bodyFile = nil }
        lentProto.lend { $0.begin() }
        hasAsked = true
        guard selection.next(now: second) else {
            attempts.append(UpstreamAttempt(address: peerName))
            request.log(.error, while: action) { $0.append(PeerSelection.noLivePeers) }
            return failed(Fault(.local, .noLive, .noLivePeers))
        }
        selection.lendCurrent { ask($0) }
    }

    private func ask(_ peer: Peer) {
        attempts.append(UpstreamAttempt(address: peer.name))
        if !introducesClient, takeIdle(peer.index) { connected() } else { connect(to: peer.address) }
    }

    /// Goes on with an idle connection to a peer, if there is one.
    private func takeIdle(_ peer: Int) -> Bool {
        lentConnections.lend { connections in
            guard let idle = connections.take(peer: peer, tag: tag), isUsable(idle) else { return false }
            begin(on: idle)
            return true
        } ?? false
    }

    @inline(never)
    private func begin(on connection: UpstreamConnection) {
        connection.begin(for: self)
        attempt.sentBefore = connection.bytesSent
        lentConnection.hold(connection)
    }

    private func connect(to address: SocketAddress) {
        let kernel = loop.kernel
        let descriptor = kernel.socket(family: address.systemFamily, type: Kernel.streamType)
        guard descriptor >= 0 else {
            let error = Errno(Int32(-descriptor))
            request.log(.alert, errno: error, while: action) { $0.append("socket() failed") }
            return end(.internalServerError)
        }
        let made = UpstreamConnection(
            loop: loop, descriptor: Int32(descriptor), group: lentConnections.object)
        begin(on: made)
        guard prepare(made, for: address) else { return end(.internalServerError) }
        let code = kernel.connect(made.descriptor, to: address)
        let error = Errno(Int32(-code))
        do throws(Errno) {
            if code == 0 { try loop.add(made) }
            if code < 0, error == .inProgress { try loop.addConnecting(made) }
        } catch {
            request.log(.alert, errno: error, while: action) {
                $0.append(loop.source.watchingCall)
                $0.append(" failed")
            }
            return end(.internalServerError)
        }
        if code == 0 { return connected() }
        guard error == .inProgress else {
            request.log(.error, errno: error, while: action) {
                $0.append("connect() to ")
                $0.append(peerName)
                $0.append(" failed")
            }
            return failed(Fault(.upstream, .error, .connect, errno: error))
        }
        loop.setOutputDeadline(made, in: settings.value.connectTimeout)
    }

    /// Options of the socket, and its own address. False: it cannot be used.
    private func prepare(_ connection: UpstreamConnection, for address: SocketAddress) -> Bool {
        let settings = settings.value
        let descriptor = connection.descriptor
        if settings.receiveBuffer > 0 {
            set(.receiveBuffer, settings.receiveBuffer, on: descriptor)
        }
        if settings.sendBuffer > 0 { set(.sendBuffer, settings.sendBuffer, on: descriptor) }
        if settings.socketKeepalive { set(.keepalive, 1, on: descriptor) }
        // Requests are written in one go, so Nagle's algorithm could only hold their last part back.
        if !address.isUnix { set(.noDelay, 1, on: descriptor) }
        guard let local = settings.local, let own = self.address(of: local) else { return true }
        if !own.isUnix, own.port == 0 { set(.bindAddressNoPort, 1, on: descriptor) }
        let code = loop.kernel.bind(descriptor, to: own)
        if code >= 0 { return true }
        request.log(.crit, errno: Errno(Int32(-code)), while: action) {
            $0.append("bind(")
            own.appendText(to: $0, withPort: own.port != 0)
            $0.append(") failed")
        }
        return false
    }

    private func set(_ option: SocketOption, _ value: Int, on descriptor: Int32) {
        let code = loop.kernel.setOption(
            descriptor, level: option.level, name: option.name, value: Int32(clamping: value))
        if code >= 0 { return }
        request.log(.alert, errno: Errno(Int32(-code)), while: action) {
            $0.append("setsockopt(")
            $0.append(option.text)
            $0.append(") failed, ignored")
        }
    }

    private func address(of local: LocalAddress) -> SocketAddress? {
        switch local.source {
        case .address(let address): return address
        case .template(let template):
            let scratch = scratch
            scratch.removeAll()
            template.append(to: scratch, scope: request)
            if scratch.isEmpty { return nil }
            if let address = SocketAddress.ipWithPort(scratch.span) { return address }
            request.log(.error) {
                $0.append("invalid local address \"")
                $0.append(scratch)
                $0.append(ASCII.quote)
            }
            return nil
        }
    }

    /// The connection stands.
    func connected() {
        if stage == .connecting { lentConnection.lend { connected($0) } }
    }

    private func connected(_ connection: UpstreamConnection) {
        if introducesClient, !introduceClient(on: connection) { return }
        if connection.security == nil, lentProto.lend({ $0.isSecure }) { return secure(connection) }
        loop.clearOutputDeadline(connection)
        stage = .asking
        let elapsed = loop.now - attempt.startedAt
        updateAttempt { $0.connectTime = elapsed }
        sendRequest(on: connection)
    }

    /// Gives the peer back with what came of it, and its connection up or to the idle ones.
    func releasePeer(_ outcome: PeerOutcome = .succeeded, keepsConnection: Bool = false) {
        if !lentConnection.isEmpty {
            lentConnection.lend { connection in
                lentConnection.empty()
                leave(connection, keeps: keepsConnection)
            }
        } else if !selection.isHolding {
            // No server was found: the try still took its time.
            let elapsed = loop.now - attempt.startedAt
            updateAttempt {
                if !$0.address.isEmpty, $0.responseTime < 0 { $0.responseTime = elapsed }
            }
        }
        if selection.release(outcome, now: second) {
            request.log(.warn, while: action) { $0.append(PeerSelection.disabled) }
        }
    }

    private func leave(_ connection: UpstreamConnection, keeps: Bool) {
        let takesMore = connection.session == nil || lentProto.lend { leaveSession(of: connection, $0) }
        let elapsed = loop.now - attempt.startedAt
        let sent = connection.bytesSent - attempt.sentBefore
        updateAttempt {
            $0.bytesSent = sent
            if $0.responseTime < 0 { $0.responseTime = elapsed }
        }
        connection.exchange.empty()
        connection.flags.remove(.movesInput)
        let isClean =
            keeps && !connection.isPersonal && attempt.isSent && takesMore && !connection.isClosed && !connection.hasOutput
            && !connection.hasPeerEnded && engine.keepsUpstreams
        if isClean, let peer = selection.lendCurrent({ $0.index }), connection.keep(peer: peer, tag: tag) { return }
        loop.close(connection)
    }

    /// Whether the session takes more requests.
    @inline(never)
    private func leaveSession(of connection: UpstreamConnection, _ proto: UpstreamProtocol) -> Bool {
        guard let session = connection.session else { return true }
        let isReusable = session.isReusable
        session.finish()
        proto.leave()
        return isReusable
    }
}

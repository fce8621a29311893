/// What a zone of limits is to those who use it: made at its first mention, defined by its own directive.
protocol LimitZone: AnyObject {
    init(zone: Zone)
    var zone: Zone { get }
    /// Nil until the zone is defined.
    var key: Template? { get }
}

/// What the zones of request limits and of connection limits share: reading `zone=name:size`, nginx's errors about zones, and keys.
enum LimitZones {
    struct Place {
        let name: ByteString
        let size: Int
    }

    /// - Parameter text: what follows `zone=` in `word`.
    static func place(
        _ invocation: Invocation, _ word: Word, _ text: ByteString
    ) throws(ConfigurationError) -> Place {
        guard let colon = text.span.firstIndex(of: ASCII.colon),
            let size = Units.size(text.slice(colon + 1..<text.count))
        else {
            throw invocation.fail(
                "invalid zone size \"\(word.text)\"", advice: "write zone=name:10m", at: word)
        }
        guard size >= SharedZones.minimumSize else {
            throw invocation.fail("zone \"\(word.text)\" is too small", at: word)
        }
        return Place(name: text.slice(0..<colon), size: size)
    }

    /// The zone that a directive defines, which must not be defined before. The caller gives it its key.
    static func define<Z: LimitZone>(
        _ invocation: Invocation, _ place: Place?, kind: String
    ) throws(ConfigurationError) -> Z {
        guard let place, !place.name.isEmpty else { throw missing(invocation) }
        let found: Z = try attached(to: zone(invocation, place.name, place.size, kind))
        if let known = found.key {
            throw invocation.fail(
                "\(invocation.name) \"\(found.zone.name)\" is already bound to key \"\(known.source)\"")
        }
        return found
    }

    /// The zone of a name, defined before or later.
    static func refer<Z: LimitZone>(
        _ invocation: Invocation, to name: ByteString, kind: String
    ) throws(ConfigurationError) -> Z {
        attached(to: try zone(invocation, name, nil, kind))
    }

    static func missing(_ invocation: Invocation) -> ConfigurationError {
        invocation.fail("\"\(invocation.name)\" must have \"zone\" parameter")
    }

    private static func attached<Z: LimitZone>(to zone: Zone) -> Z {
        if let known = zone.attachment as? Z { return known }
        let made = Z(zone: zone)
        zone.attachment = made
        return made
    }

    private static func zone(
        _ invocation: Invocation, _ name: ByteString, _ size: Int?, _ kind: String
    ) throws(ConfigurationError) -> Zone {
        guard let builder = invocation.builder as? ConfigurationBuilder else {
            throw invocation.fail("\"\(invocation.name)\" directive is not allowed here")
        }
        do throws(ZoneError) {
            return try builder.zones.zone(name: name, size: size, kind: kind)
        } catch {
            throw invocation.fail(error.message)
        }
    }

    // MARK: - Serving

    /// Appends the value of a zone's key. False: it is empty, or longer than nginx takes it.
    static func appendKey(
        _ key: Template?, of request: Request, to scratch: Buffer, atMost limit: Int
    ) -> Bool {
        guard let key else { return false }
        let mark = scratch.count
        key.append(to: scratch, scope: request)
        let length = scratch.count - mark
        guard length > limit else { return length > 0 }
        request.log(.error) {
            $0.append("the value of the \"")
            $0.append(key.source)
            $0.append("\" key is more than ")
            $0.append(decimal: limit)
            $0.append(" bytes: \"")
            $0.append(scratch, mark..<mark + length)
            $0.append(ASCII.quote)
        }
        return false
    }
}

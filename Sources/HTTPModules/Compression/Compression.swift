/// What gzip, brotli and zstd have in common: an answer is compressed in one of the ways that settings and client allow.
enum Compression {
    static func isUsed(_ settings: SettingsTable) -> Bool {
        settings[Gzip.slot].isOn || settings[Brotli.slot].isOn || settings[Zstd.slot].isOn
    }

    /// The filter that the body has to pass, or nil when it is sent as it is.
    static func filterHead(_ request: Request) -> CompressionFilter? {
        let response = request.response
        guard isCompressible(response) else { return nil }
        let offered = request.offeredCodings
        guard !offered.isEmpty else { return nil }
        if request.location.settings(Gzip.slot).value.varies { response.variesByEncoding = true }
        guard let coding = choose(from: offered, request) else { return nil }
        let length = response.contentLength
        response.headers.append(.contentEncoding, coding.token)
        response.forgetLength()
        response.weakenETag()
        // The answer to HEAD has the head of the compressed answer, and nothing to compress.
        if response.isHeadOnly { return nil }
        return makeFilter(coding, length, request)
    }

    private static func isCompressible(_ response: Response) -> Bool {
        switch response.status.rawValue {
        case 200, 403, 404: break
        default: return false
        }
        guard let index = response.headers.firstIndex(of: .contentEncoding) else { return true }
        return response.headers[index].valueRange.isEmpty
    }

    private static func choose(from offered: ContentCodings, _ request: Request) -> ContentCoding? {
        let accepted = request.acceptedCodings.intersection(offered)
        if accepted.isEmpty { return nil }
        if accepted.contains(.brotli) { return .brotli }
        if accepted.contains(.zstd) { return .zstd }
        // Only gzip asks who wants it, and in which version of the protocol.
        return request.isAllowedGzip ? .gzip : nil
    }

    private static func makeFilter(_ coding: ContentCoding, _ length: Int, _ request: Request) -> CompressionFilter? {
        let gzip = request.location.settings(Gzip.slot)
        let shape =
            switch coding {
            case .gzip: gzip.value.shape(for: length)
            case .brotli: request.location.settings(Brotli.slot).value.shape(for: length)
            case .zstd: request.location.settings(Zstd.slot).value.shape
            }
        let worker = request.engine.moduleState(.gzip) { CompressionState(request.engine) }
        let source = request.wholeSource
        if let source, let kept = worker.bodies.find(source.status, shape) {
            request.response.kept = kept
            return nil
        }
        let loop = request.engine.loop
        let filter = CompressionFilter(
            shape, pool: worker.compressors, length: length,
            recording: source.flatMap { worker.bodies.record($0, shape, coding, now: loop.wallMilliseconds) })
        if coding == .gzip {
            filter.outputSize = gzip.value.buffers.size
            filter.postponed = gzip.value.postponed
            filter.isUnbuffered = gzip.value.isUnbuffered
        }
        request.setState(coding.index, filter)
        return filter
    }

    /// Declares the variable that has a body's size before compression by that after it, rounded to two decimals.
    static func declareRatio(
        _ name: ByteString, of coding: ContentCoding, in registry: VariableRegistry
    ) throws(ConfigurationError) {
        try registry.declareValue(name, .noHash) { request, out in
            guard let hundredths = request.compressionRatio(of: coding) else { return false }
            out.append(decimal: hundredths / 100)
            out.append(ASCII.dot)
            out.append(decimal: hundredths % 100, width: 2)
            return true
        }
    }
}

/// What a worker has for compressing.
final class CompressionState {
    let compressors = CompressorPool()
    let bodies = KeptBodies()

    init(_ engine: RequestEngine) {
        engine.memoryFigures.append(bodies.figures)
        engine.poolEmptiers.append { [compressors] in compressors.removeAll() }
    }
}

extension Request {
    /// The codings that the location has on for an answer of this type and length.
    fileprivate var offeredCodings: ContentCodings {
        var offered: ContentCodings = []
        let brotli = location.settings(Brotli.slot)
        if brotli.value.isOn, offers(brotli.value.types, from: brotli.value.minLength) { offered.insert(ContentCodings(.brotli)) }
        let zstd = location.settings(Zstd.slot)
        if zstd.value.isOn, offers(zstd.value.types, from: zstd.value.minLength) { offered.insert(ContentCodings(.zstd)) }
        let gzip = location.settings(Gzip.slot)
        if gzip.value.isOn, offers(gzip.value.types, from: gzip.value.minLength) { offered.insert(ContentCodings(.gzip)) }
        return offered
    }

    private func offers(_ types: MediaTypes, from minLength: Int) -> Bool {
        let response = response
        if response.contentLength != -1, response.contentLength < minLength { return false }
        let type = response.contentType
        return types.contains(type.span(response.mediaType))
    }

    /// The file that is the whole body, if no other filter and no part of another request changes or joins it.
    fileprivate var wholeSource: ContentSource? {
        guard let source = response.source, pipeline == nil, encoding == nil, isAlone else { return nil }
        return source
    }

    fileprivate func compressionRatio(of coding: ContentCoding) -> Int? {
        if let kept = response.kept { return kept.maker == coding.index ? kept.ratio : nil }
        return state(coding.index, as: CompressionFilter.self)?.ratio
    }
}

extension Invocation {
    /// Reads a size that is a power of two; returns its exponent.
    func exponent(_ exponents: ClosedRange<Int>, _ complaint: String) throws(ConfigurationError) -> Int {
        let size = try size()
        for exponent in exponents where 1 << exponent == size { return exponent }
        throw refuse(complaint)
    }
}

extension Row {
    /// Buffers that the other modules do not have their sizes from.
    static func ignoredBuffers(_ name: String, _ summary: String, reason: String) -> Row {
        .ignored(name, in: .request, .two, summary, reason: reason, syntax: "number size") {
            (invocation: inout Invocation) throws(ConfigurationError) in
            guard let count = Units.number(invocation[0]), count > 0, let size = Units.size(invocation[1]), size > 0
            else { throw invocation.refuse("invalid value") }
        }
    }
}

/// ngx_http_gunzip_module: compressed answers are decompressed for clients that do not take gzip.
enum Gunzip {
    static let slot = Slot(.gunzip, initial: GunzipSettings())

    static func isUsed(_ settings: SettingsTable) -> Bool { settings[slot].isOn }

    /// The filter that the body has to pass, or nil when it is sent as it is.
    static func filterHead(_ request: Request) -> GunzipFilter? {
        let response = request.response
        let settings = request.location.settings(slot).value
        guard settings.isOn, let index = response.headers.firstIndex(of: .contentEncoding) else { return nil }
        let bytes = response.headers.bytes
        guard bytes.span(response.headers[index].valueRange).equalsIgnoringCase("gzip") else { return nil }
        if request.location.settings(Gzip.slot).value.varies { response.variesByEncoding = true }
        // Parts of a page are needed as they are, whatever the client takes.
        if request.isMain, request.accepts(.gzip) { return nil }
        response.headers.remove(at: index)
        response.forgetLength()
        response.weakenETag()
        if response.isHeadOnly { return nil }
        let engine = request.engine
        return GunzipFilter(pool: engine.moduleState(.gunzip) { makePool(for: engine) }, outputSize: settings.buffers.size)
    }

    /// A worker's pool.
    static func makePool(for engine: RequestEngine) -> InflaterPool {
        let pool = InflaterPool()
        engine.poolEmptiers.append { pool.removeAll() }
        return pool
    }

    static var rows: [Row] {
        [
            .flag(
                "gunzip", in: .request, slot, \.isOn,
                "Whether compressed answers are decompressed for clients that do not take them."),
            .buffers(
                "gunzip_buffers", in: .request, slot, \.buffers,
                "Buffers for decompressed bytes: how large they are."),
        ]
    }
}

/// What ngx_http_gunzip_module's directives set for a location.
struct GunzipSettings: Sendable {
    var isOn = false
    var buffers = BufferPlan(count: 32, size: 4_096)
}

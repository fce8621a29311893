/// The places of all modules' settings in a block's table: a line a module.
enum SettingsIndex: Int {
    case tls
    case process, core, serverCore, log, index, autoindex, randomIndex, proxy, proxyUpstream, upstream, headers, gzip, brotli, zstd, precompressed
    case rewrite, charset, access, authBasic, realIP, limitRequests, limitConnections, tryFiles
    case errorLog, stubStatus, returns, map, staticFiles, types, ranges
    case referer, secureLink, userID, browsers, substitution, addition, authRequest, mirror
    case ssi, ssiPage, http2, grpc, grpcUpstream
    case gunzip, slice, memcached, memcachedUpstream
    case fastCGI, fastCGIUpstream, uwsgi, uwsgiUpstream, scgi, scgiUpstream
}

extension Slot {
    init(_ index: SettingsIndex, initial: S) {
        self.init(index: index.rawValue, initial: initial)
    }
}

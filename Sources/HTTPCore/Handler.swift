/// What takes part in phases, answers requests or filters responses: a line each. The order and the code are the roster's.
enum Handler: UInt8, Sendable, CaseIterable {
    case none
    case realIP, rewrite, limitRequests, limitConnections
    case access, authBasic
    case tryFiles
    case randomIndex, index, autoindex, precompressed, staticFiles
    case proxy, grpc, memcached, fastCGI, uwsgi, scgi, stubStatus
    case emptyGIF, authRequest, mirror
    case accessLog
    case notModifiedFilter, rangeFilter, headersFilter, charsetFilter, compressionFilter
    case userIDFilter, additionFilter, substitutionFilter, ssiFilter, gunzipFilter, sliceFilter
}

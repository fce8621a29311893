/// ngx_http_range_filter_module: answers to requests for parts of a content whose length is known.
enum Ranges {
    enum Outcome {
        /// The whole content is sent.
        case whole
        /// Another answer was made in place of this one.
        case replaced
        /// The body has to pass this filter, before all others.
        case partial(RangeFilter)
    }

    static func filterHead(_ request: Request) -> Outcome {
        let response = request.response
        guard response.allowsRanges, response.status == .ok, response.contentLength != -1,
            request.head.version >= .http10
        else { return .whole }
        let limit = request.core.value.maxRanges
        guard limit != 0 else { return .whole }
        guard let field = request.header(.range), isFresh(request) else {
            return announce(response)
        }
        let bytes = request.head.bytes
        var ranges = RangeField()
        // Unless it is set, `max_ranges` knows no bound.
        let bound = response.singleRange ? 1 : (limit == .max ? nil : limit)
        switch ranges.parse(
            bytes.span(field), contentLength: response.contentLength, limit: bound)
        {
        case .ignored: return announce(response)
        case .notSatisfiable: return refuse(request)
        case .ranges: break
        }
        response.status = .partialContent
        response.statusLine.removeAll()
        let filter =
            ranges.ranges.count == 1
            ? single(ranges.ranges[0], response) : multiple(ranges.ranges, request)
        return .partial(filter)
    }

    private static func announce(_ response: Response) -> Outcome {
        response.headers.append(.acceptRanges, "bytes")
        return .whole
    }

    /// Whether `If-Range`, if there is one, names the content that is about to be sent.
    private static func isFresh(_ request: Request) -> Bool {
        guard let field = request.header(.ifRange) else { return true }
        let response = request.response
        let bytes = request.head.bytes
        let value = bytes.span(field)
        if value.count >= 2, value[value.count - 1] == ASCII.quote {
            let headers = response.headers
            guard let index = headers.firstIndex(of: .eTag) else { return false }
            let own = headers.bytes
            return value.equals(own.span(headers[index].valueRange))
        }
        guard response.lastModified != -1 else { return false }
        return value.httpDate == response.lastModified
    }

    private static func refuse(_ request: Request) -> Outcome {
        let response = request.response
        response.headers.removeAll(.contentRange)
        let opening = response.headers.begin(.contentRange)
        response.headers.bytes.append("bytes */")
        response.headers.bytes.append(decimal: response.contentLength)
        response.headers.end(opening)
        response.contentLength = -1
        request.pipeline = nil
        request.finish(.rangeNotSatisfiable)
        return .replaced
    }

    private static func single(_ range: Range<Int>, _ response: Response) -> RangeFilter {
        response.headers.removeAll(.contentRange)
        let opening = response.headers.begin(.contentRange)
        let value = response.headers.bytes
        value.append("bytes ")
        value.append(range: range, of: response.contentLength)
        response.headers.end(opening)
        response.contentLength = range.count
        let start = response.contentOffset
        response.contentOffset = range.lowerBound
        return RangeFilter(range, from: start)
    }

    /// Numbers boundaries, which nginx makes of the same numbers as the names of its temporary files.
    private final class Boundaries {
        var last = 0
    }

    private static func multiple(_ ranges: [Range<Int>], _ request: Request) -> RangeFilter {
        let response = request.response
        let boundaries = request.engine.moduleState(.ranges) { Boundaries() }
        boundaries.last += 1
        let header = Buffer(capacity: 128)
        header.append("\r\n--")
        header.append(decimal: boundaries.last, width: 20)
        let boundary = 4..<header.count
        header.append("\r\n")
        if !response.contentType.isEmpty {
            header.append("Content-Type: ")
            response.appendContentType(to: header)
            header.append("\r\n")
        }
        header.append("Content-Range: bytes ")
        let total = response.contentLength
        let parts = Buffer(capacity: ranges.count * (header.count + 32))
        var ends: [Int] = []
        var length = 0
        for range in ranges {
            parts.append(header)
            parts.append(range: range, of: total)
            parts.append("\r\n\r\n")
            ends.append(parts.count)
            length += range.count
        }
        parts.append(header, 0..<boundary.upperBound)
        parts.append("--\r\n")
        response.removeContentType()
        response.contentType.append("multipart/byteranges; boundary=")
        response.contentType.append(header, boundary)
        response.contentLength = length + parts.count
        response.headers.removeAll(.contentRange)
        return RangeFilter(ranges, headers: parts, ends: ends)
    }
}

extension Buffer {
    /// Appends `SSSS-EEEE/TTTT`.
    fileprivate func append(range: Range<Int>, of total: Int) {
        append(decimal: range.lowerBound)
        append(ASCII.minus)
        append(decimal: range.upperBound - 1)
        append(ASCII.slash)
        append(decimal: total)
    }
}

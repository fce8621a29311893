/// Browsers that are told apart because of their faults.
enum Browser {
    case explorer
    /// Internet Explorer before version 7, or version 6 without its second service pack.
    case explorer6
    case chrome, safari
}

extension Request {
    /// Whether the request's `User-Agent` is a browser's, by nginx's marks.
    func isFrom(_ browser: Browser) -> Bool {
        guard let range = header(.userAgent) else { return false }
        let bytes = head.bytes
        let agent = bytes.span(range)
        let isOpera = agent.contains("Opera")
        switch browser {
        case .explorer: return !isOpera && agent.contains("MSIE ")
        case .explorer6: return !isOpera && isOldExplorer(agent)
        case .chrome: return !isOpera && !agent.contains("Gecko/") && agent.contains("Chrome/")
        case .safari:
            return !isOpera && !agent.contains("Gecko/") && !agent.contains("Chrome/")
                && agent.contains("Safari/") && agent.contains("Mac OS X")
        }
    }

    private func isOldExplorer(_ agent: Span<UInt8>) -> Bool {
        let mark: StaticString = "MSIE "
        guard let start = agent.firstIndex(of: mark.bytes), start + 7 < agent.count,
            agent[start + 6] == ASCII.dot
        else { return false }
        switch Unicode.Scalar(agent[start + 5]) {
        case "4", "5": return true
        case "6": return !agent.contains("SV1")
        default: return false
        }
    }
}

extension Span where Element == UInt8 {
    fileprivate func contains(_ text: StaticString) -> Bool {
        firstIndex(of: text.bytes) != nil
    }
}

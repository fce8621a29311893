@testable import ApusServer

/// A scope with nothing but variables.
final class PlainScope: VariableScope {
    var calls = 0
    var assigned = ByteString.empty
}

/// The value of a template, as text.
func value(_ template: Template, _ scope: VariableScope) -> String {
    let out = Buffer()
    template.append(to: out, scope: scope)
    return out.span.text
}

func word(_ text: String) -> Word {
    Word(value: ByteString(text), position: Position(file: 0, line: 1, column: 1))
}

/// What `body` throws as a configuration error's message; nil if nothing.
func message(_ body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch let error as ConfigurationError {
        return error.message
    } catch {
        return "\(error)"
    }
}

extension VariableRegistry {
    /// A variable with a fixed value.
    func declare(
        _ name: ByteString, value: ByteString, _ flags: VariableFlags = []
    ) throws {
        try declare(name, flags) { _, out in
            out.append(value)
            return true
        }
    }
}

extension VariableScope {
    /// The variable's value, as text.
    func text(of variable: VariableIndex) -> String? {
        guard let value = value(of: variable) else { return nil }
        return value.span.text
    }
}

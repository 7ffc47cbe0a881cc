/// What tells two states of a resource apart: its entity tag, or else when it was last changed (RFC 9110, section 8.8).
package struct Validator: Sendable, Equatable {
    /// With its quotes and the `W/` of a weak tag.
    package let entityTag: String?
    package let lastModified: String?

    /// - Returns: nil where there is neither.
    package init?(entityTag: String?, lastModified: String? = nil) {
        guard entityTag != nil || lastModified != nil else { return nil }
        self.entityTag = entityTag
        self.lastModified = lastModified
    }

    /// What the header If-Range may hold: a weak tag may not stand there.
    var ifRange: String? {
        guard let entityTag else { return lastModified }
        return entityTag.hasPrefix("W/") ? nil : entityTag
    }

    /// Whether a response with the other validator is of the same state. What one of them lacks is not compared.
    func agrees(with other: Validator?) -> Bool {
        if let mine = entityTag, let theirs = other?.entityTag { return mine == theirs }
        if let mine = lastModified, let theirs = other?.lastModified { return mine == theirs }
        return false
    }
}

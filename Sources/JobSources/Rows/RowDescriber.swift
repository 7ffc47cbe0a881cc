import Base
import DecodingSettings
import Pictures
import Queue

/// Makes jobs of rows: of lines of JSON, of tables, of the samples of shards.
struct RowDescriber {
    /// What a row may say about its job beside how it is answered.
    static let keys = [
        "id", "images", "image", "file_name", "video", "frames", "prompt", "task", "lang", "about", "max_tokens",
        "priority",
    ]
    /// All keys that mean something in a row.
    private static let known = Set((keys + DecodingOptions.keys).map(ExactText.init))
    /// The largest text of a row's own columns, in bytes.
    private static let largestCarried = 1 << 20

    /// Returns whether a key means something in a row.
    static func knows(_ key: String) -> Bool { known.contains(ExactText(key)) }

    /// One row.
    struct Row {
        /// "jobs.jsonl line 17"
        var place: String
        /// What it says with our keys.
        var said: [JSON.Member]
        /// The person's own columns.
        var own: [JSON.Member]
        /// Columns that come back only where they are named.
        var unasked: [JSON.Member] = []
        /// The pictures that the row itself holds or has found; none where it names them with our keys.
        var pictures: [JobImage] = []
        /// What it is called where it has no id; nil for the standard name.
        var key: String?
    }

    let template: JobTemplate
    let locator: PictureLocator
    /// Which own columns jobs carry through, in the order in which they came.
    private(set) var carriedNames: [String] = []
    private var carriedSet: Set<ExactText> = []
    /// More are not named.
    private static let maximumNames = 100
    /// The columns to carry that no row has had, as far as is known here.
    private var missing: [ExactText]
    private var (hasRows, hasRelativeName) = (false, false)

    /// - Parameter folder: The folder of relative names.
    init(template: JobTemplate, folder: String) {
        self.template = template
        missing = template.tally.missing("--carry")
        locator = PictureLocator(
            folder: template.folder ?? folder, frames: template.frames, verification: template.verification)
    }

    /// Returns the job of a row; one with a fault where the row makes no sense.
    ///
    /// - Parameter isAmbiguous: Whether other rows ask something else about pictures, whose names it is given.
    mutating func job(_ row: Row, isAmbiguous: ([String], _ prompt: String) -> Bool) -> Job {
        do throws(RowError) {
            return try described(row, isAmbiguous).storable()
        } catch {
            return Self.faulty(row.place, error.reason)
        }
    }

    /// Returns a job that failed because its row makes no sense.
    static func faulty(_ place: String, _ reason: String) -> Job {
        var job = Job(id: place, images: [], prompt: "", source: place)
        job.fault = JobFailure(code: JobFailure.invalidJob, message: "\(place): \(reason)")
        return job.storable()
    }

    private mutating func described(
        _ row: Row, _ isAmbiguous: ([String], _ prompt: String) -> Bool
    ) throws(RowError) -> Job {
        note(row)
        let said = RowFields(row.said)
        func column(_ name: String) -> JSON? {
            said[name] ?? (row.own + row.unasked).first { $0.key.isExactly(name) }?.value
        }
        let prompt = try prompt(said, column)
        let images = try images(row, said)
        let maxTokens = try said.integer("max_tokens") ?? template.maxTokens
        guard (1...Job.largestMaxTokens).contains(maxTokens) else {
            throw RowError("\"max_tokens\" is \(maxTokens); give 1 to \(Job.largestMaxTokens)")
        }
        return Job(
            id: try id(said, column) ?? standardID(row, images.map(\.name), prompt, isAmbiguous), images: images,
            prompt: prompt, maxTokens: maxTokens,
            priority: try said.integer("priority") ?? template.priority,
            options: try options(row.said.filter { DecodingOptions.keys.contains($0.key) }),
            carried: try carried(row.own, row.unasked), source: row.place)
    }

    /// Notes what a row has of that which the person named.
    private mutating func note(_ row: Row) {
        if !hasRows { template.tally.foundRow() }
        hasRows = true
        missing.removeAll { name in
            guard (row.own + row.unasked).contains(where: { $0.key.isExactly(name.text) }) else { return false }
            template.tally.found(name, flag: "--carry")
            return true
        }
    }

    // MARK: Its parts

    private func standardID(
        _ row: Row, _ names: [String], _ prompt: String, _ isAmbiguous: ([String], _ prompt: String) -> Bool
    ) -> String {
        let idWithPrompt = template.idWithPrompt || row.key == nil && isAmbiguous(names, prompt)
        return row.key.map { idWithPrompt ? "\($0)#\(prompt)" : $0 }
            ?? DefaultJobID.standard(pictures: names, prompt: idWithPrompt ? prompt : nil)
    }

    private func id(_ said: RowFields, _ column: (String) -> JSON?) throws(RowError) -> String? {
        if let template = template.id { return try filled(template, "--id", column) }
        // Numbers are names too.
        let id: String?
        if case .number(let number)? = said["id"] { id = number } else { id = try said.text("id") }
        if id?.isEmpty == true { throw RowError("\"id\" is empty; give one, or leave the key out") }
        return id
    }

    private func prompt(_ said: RowFields, _ column: (String) -> JSON?) throws(RowError) -> String {
        if let task = try said.taskPrompt() { return task }
        if let words = try said.text("prompt") { return words }
        guard let template = template.prompt else {
            throw RowError(
                "\"prompt\" is missing; add it, or a \"task\", or give one for all jobs with --prompt or --task")
        }
        return try filled(template, "--prompt", column)
    }

    private func filled(
        _ template: TextTemplate, _ flag: String, _ column: (String) -> JSON?
    ) throws(RowError) -> String {
        do throws(TemplateError) {
            return try template.text(column)
        } catch {
            throw RowError("\(flag) cannot be filled: \(error); add it, or write {{ and }} for braces that are text")
        }
    }

    private mutating func images(_ row: Row, _ said: RowFields) throws(RowError) -> [JobImage] {
        if !row.pictures.isEmpty { return row.pictures }
        if let video = try said.video(standardFrames: template.frames) {
            return [try image(video.name, frames: video.frames)]
        }
        var images: [JobImage] = []
        for name in try said.images() { images.append(try image(name, frames: nil)) }
        return images
    }

    private mutating func image(_ name: String, frames: Int?) throws(RowError) -> JobImage {
        if !hasRelativeName, name.utf8.first != UInt8(ascii: "/"), !PictureLocator.isAddress(name) {
            hasRelativeName = true
            template.tally.foundRelativeName()
        }
        do throws(LocationError) {
            return try locator.image(named: name, frames: frames)
        } catch {
            throw RowError(error.description)
        }
    }

    private func options(_ own: [JSON.Member]) throws(RowError) -> String {
        let inherited = template.options.filter { option in !own.contains { $0.key == option.key } }
        do throws(DecodingOptionError) {
            return try DecodingOptions(inherited + own).text
        } catch {
            throw RowError(error.reason)
        }
    }

    /// Returns the row's own columns as a JSON object; nil where it has none.
    private mutating func carried(
        _ own: [JSON.Member], _ unasked: [JSON.Member]
    ) throws(RowError) -> String? {
        var taken = own.filter { template.carried.takes($0.key) }
        if template.carried != .all { taken += unasked.filter { template.carried.takes($0.key) } }
        guard !taken.isEmpty else { return nil }
        for member in taken where carriedNames.count < Self.maximumNames {
            if carriedSet.insert(ExactText(member.key)).inserted { carriedNames.append(member.key) }
        }
        var writer = JSONWriter()
        writer.value(.object(taken))
        guard writer.bytes.count <= Self.largestCarried else {
            throw RowError(
                "its own columns have \(writer.bytes.count) bytes; at most \(Self.largestCarried) are carried through to the "
                    + "result, so name the ones you want with --carry")
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// What became of the rows' own columns.
    var notes: [String] {
        guard !carriedNames.isEmpty else { return [] }
        return ["carried through to the results: \(carriedNames.joined(separator: ", "))"]
    }
}

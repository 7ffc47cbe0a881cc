/// The checks, in the order of the report.
package enum CheckName: String, CaseIterable, Sendable {
    case openMPI = "open-mpi"
    case launcher
    case sharedMemory = "shared-memory"
    case rankMemory = "rank-memory"
    case processor
    case cores
    case memory
    case numa
    case hugePages = "huge-pages"
    case network
    case hosts
    case openFiles = "open-files"
    case postgreSQL = "postgresql"
    case pooler
    case clock
    case queueFile = "queue-file"
    case model
    case fingerprint
    case pageCache = "page-cache"
    case disk
    case ffmpeg

    /// Why it matters.
    package var reason: String {
        switch self {
        case .openMPI: "mpirun starts the ranks, and speaks with the library that pg-worker is linked with"
        case .launcher: "under a launcher that is not Open MPI's each rank takes itself for a world of its own"
        case .sharedMemory: "ranks of a host exchange messages through /dev/shm; where it is full they die of SIGBUS"
        case .rankMemory: "where a rank may read another's memory, messages are copied once and not twice"
        case .processor: "the instructions of the processor decide which kernels compute, and how fast"
        case .cores: "threads that have no core, or lose it to others, hold up the ranks that wait for them"
        case .memory: "weights that do not stay in memory are read from the disk for every picture"
        case .numa: "a rank reads the memory of its own node faster than that of another"
        case .hugePages: "large pages spare the processor the search for addresses in large matrices"
        case .network: "Open MPI uses every network that is up, also one that does not lead to the other hosts"
        case .hosts: "mpirun reaches the other hosts by ssh, and needs the same programs there"
        case .openFiles: "connections, pictures and the files of the model are open at the same time"
        case .postgreSQL: "the worlds take their jobs from it and bring back the answers"
        case .pooler: "behind a pooler statements are planned anew each time, and notifications do not arrive"
        case .clock: "times in logs, answers and signed addresses are compared between machines"
        case .queueFile: "each lease and each answer is a commit, which waits for the disk"
        case .model: "every rank maps these files when it starts"
        case .fingerprint: "a queue belongs to one model, and refuses the worlds of another"
        case .pageCache: "a world that reads its weights from the disk begins late"
        case .disk: "answers, the queue and files of the launcher need room"
        case .ffmpeg: "it takes the frames out of videos"
        }
    }
}

import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { cached, program } from "../fixtures/build-cache.ts";
import { unpackPackage, unpackPackages } from "../fixtures/debian-image.ts";

/** What runs in the machine beside the programs under test. */
const PACKAGES = [
  "base-files",
  "base-passwd",
  "bash",
  "coreutils",
  "dash",
  "procps",
  "iproute2",
  "nftables",
  "curl",
  "mount",
  "util-linux",
];
const DISK_MIB = 768;

/** Debian's cloud kernel, unpacked and never installed: `boot/vmlinuz-…`, `lib/modules/…`. */
function kernelTree(): Promise<string> {
  return cached("vm-kernel", async (path) => {
    mkdirSync(path);
    const depends = await program(["apt-cache", "depends", "linux-image-cloud-amd64"]);
    const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
    if (name === undefined) throw new Error("apt does not know linux-image-cloud-amd64");
    await program(["apt-get", "-o", "APT::Sandbox::User=root", "-q", "download", name], { cwd: path });
    const deb = readdirSync(path).find((file) => file.endsWith(".deb")) ?? "";
    await unpackPackage(join(path, deb), path);
    rmSync(join(path, deb));
    await program(["/bin/busybox", "depmod", "-b", path, kernelRelease(path)]);
  });
}

function kernelRelease(tree: string): string {
  return readdirSync(join(tree, "lib/modules"))[0] ?? "";
}

/** The kernel, and the first small root that finds the disk. */
export async function bootFiles(): Promise<{ kernel: string; initrd: string }> {
  const tree = await kernelTree();
  const release = kernelRelease(tree);
  const initrd = await cached("vm-initrd.cpio", async (path) => {
    const root = `${path}.root`;
    try {
      for (const name of ["bin", "dev", "disk", "proc", "sys"]) mkdirSync(join(root, name), { recursive: true });
      copyFileSync("/bin/busybox", join(root, "bin/busybox"));
      const modules = [
        "virtio_ring",
        "virtio",
        "virtio_pci_modern_dev",
        "virtio_pci_legacy_dev",
        "virtio_pci",
        "virtio_blk",
      ];
      const files = readdirSync(join(tree, "lib/modules", release), { recursive: true }).map(String);
      for (const name of modules) {
        const file = files.find((candidate) => basename(candidate) === `${name}.ko`);
        if (file !== undefined) copyFileSync(join(tree, "lib/modules", release, file), join(root, `${name}.ko`));
      }
      writeFileSync(join(root, "init"), firstInit(modules));
      chmodSync(join(root, "init"), 0o755);
      await program(["sh", "-c", 'cd "$1" && find . | cpio --quiet -o -H newc > "$2"', "sh", root, path]);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
  return { kernel: join(tree, "boot", `vmlinuz-${release}`), initrd };
}

function firstInit(modules: string[]): string {
  const load = modules.map((name) => `[ -e /${name}.ko ] && $b insmod /${name}.ko`);
  return `#!/bin/busybox sh
b=/bin/busybox
$b mount -t devtmpfs dev /dev
${load.join("\n")}
$b mount -t ext4 -o rw /dev/vda /disk
$b mount -t ext4 -o rw /dev/vdb /disk/gantry
$b mount --move /dev /disk/dev
exec $b switch_root /disk /init
`;
}

/** The machine's disk: Debian's programs, the kernel's modules, and an init that runs the command named by the kernel's command line. */
export function baseDisk(): Promise<string> {
  return cached("vm-disk.ext4", async (path) => {
    const tree = await kernelTree();
    const root = `${path}.root`;
    try {
      mkdirSync(root);
      await unpackPackages(root, "vm", PACKAGES);
      cpSync(join(tree, "lib/modules"), join(root, "usr/lib/modules"), { recursive: true });
      copyFileSync("/bin/busybox", join(root, "usr/bin/busybox"));
      for (const applet of ["modprobe", "poweroff"]) {
        rmSync(join(root, "usr/sbin", applet), { force: true });
        symlinkSync("../bin/busybox", join(root, "usr/sbin", applet));
      }
      mkdirSync(join(root, "gantry"));
      writeFileSync(join(root, "init"), INIT);
      chmodSync(join(root, "init"), 0o755);
      await makeDisk(root, path, DISK_MIB);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
}

const INIT = `#!/bin/bash
export PATH=/usr/sbin:/usr/bin HOME=/root TMPDIR=/tmp NO_COLOR=1 GANTRY_VM=1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t cgroup2 -o nsdelegate cgroup /sys/fs/cgroup
mount -t securityfs security /sys/kernel/security
mkdir -p /dev/pts /dev/shm
mount -t devpts -o ptmxmode=0666 devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs tmpfs /run
ip link set lo up
for module in overlay veth bridge nf_tables nft_chain_nat; do modprobe $module; done
read -r command_line </proc/cmdline
command=\${command_line##*gantry.command=}
cd /gantry
echo "VM-START"
/gantry/bun $command 2>&1
echo "VM-EXIT $?"
sync
poweroff -f
`;

/** Parts of the repository that tests in the machine use. */
const SOURCES = ["src", "test", "bin", "dist", "package.json", "tsconfig.json", "build/launcher"];

/** The tree of the repository that a script needs, as a second disk, whose changes are dropped. Made for each run: sources change. */
export async function sourceDisk(repository: string, path: string): Promise<void> {
  const root = `${path}.root`;
  try {
    mkdirSync(root, { recursive: true });
    linkOrCopy(process.execPath, join(root, "bun"));
    for (const name of SOURCES) {
      const source = join(repository, name);
      if (existsSync(source)) cpSync(source, join(root, name), { recursive: true });
    }
    await makeDisk(root, path, 256);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

async function makeDisk(root: string, path: string, sizeMib: number): Promise<void> {
  const options = ["-q", "-F", "-m", "0", "-O", "^has_journal", "-E", "root_owner=0:0", "-t", "ext4"];
  await program(["mke2fs", ...options, "-d", root, path, `${sizeMib}M`]);
}

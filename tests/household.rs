//! The life of a household on a real Debian: its Pi is a container with its own systemd, its laptop has ssh and rsync.

use crate::support::pi::{Laptop, Pi};

#[test]
fn a_pi_boots_loses_its_power_and_boots_again_and_the_laptop_reaches_it() {
    let mut pi = Pi::boot();
    let mut laptop = Laptop::beside(&pi);
    pi.write("/root/.ssh/authorized_keys", &laptop.public_key());
    let said = laptop.run("ssh root@pi 'hostname; node --version; cat /etc/machine-id'");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "pi");
    assert!(lines[1].starts_with("v18."), "{said}");
    assert_eq!(lines[2].len(), 32, "its own identity");
    let of_nobody = pi.try_run_as("nobody", "id -un; systemctl stop ssh.service");
    assert!(
        !of_nobody.status.success(),
        "nobody may not stop what is not theirs"
    );
    pi.run("echo kept > /var/lib/kept; systemctl is-active caddy.service");
    pi.power_cut();
    pi.boot_again();
    assert_eq!(pi.run("cat /var/lib/kept"), "kept\n");

    let another = Pi::boot();
    another.write("/root/.ssh/authorized_keys", &laptop.public_key());
    another.run("test ! -e /var/lib/kept");
    laptop.carry_to(&another);
    laptop.run("ssh root@pi true");
}

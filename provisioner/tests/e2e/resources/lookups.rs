//! What is looked up: the network and the machine image.

use provisioner::{
    cloud::Cloud,
    engine::Lookup,
    lookups::{Network, NetworkOutputs, UbuntuImage},
};

use crate::support::Rehearsal;

async fn find(
    vpc: Option<&str>,
    subnets: &[&str],
    cloud: &Cloud,
) -> Result<NetworkOutputs, String> {
    let subnets = subnets.iter().map(|it| (*it).to_owned()).collect();
    let found = Network { vpc: vpc.map(str::to_owned), subnets }.find(cloud).await;
    found.map(Option::unwrap).map_err(|it| it.to_string())
}

async fn subnet(vpc: &str, cidr: &str, zone: &str, cloud: &Cloud) -> String {
    let request = cloud.ec2.create_subnet().vpc_id(vpc).cidr_block(cidr);
    let answer = request.availability_zone(format!("{}{zone}", cloud.region)).send().await.unwrap();
    answer.subnet.unwrap().subnet_id.unwrap()
}

#[tokio::test]
async fn the_network_is_the_default_one_unless_another_is_given() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let default = find(None, &[], &cloud).await.unwrap();
    assert!(default.subnet_ids.len() >= 2, "{default:?}");
    assert_eq!(find(Some(&default.vpc_id), &[], &cloud).await.unwrap(), default);
    let two = [default.subnet_ids[1].as_str(), default.subnet_ids[0].as_str()];
    let chosen = find(None, &two, &cloud).await.unwrap();
    assert_eq!(
        chosen,
        NetworkOutputs { subnet_ids: default.subnet_ids[..2].to_vec(), ..default.clone() }
    );

    let vpc = cloud
        .ec2
        .create_vpc()
        .cidr_block("10.0.0.0/16")
        .send()
        .await
        .unwrap()
        .vpc
        .unwrap()
        .vpc_id
        .unwrap();
    let alone =
        format!("The subnets of {vpc} are in no availability zone, and a load balancer needs two");
    assert!(find(Some(&vpc), &[], &cloud).await.unwrap_err().starts_with(&alone));
    let one = subnet(&vpc, "10.0.1.0/24", "a", &cloud).await;
    let alone = format!("The subnets of {vpc} are in only {}a, and", cloud.region);
    assert!(find(Some(&vpc), &[], &cloud).await.unwrap_err().starts_with(&alone));
    let two = subnet(&vpc, "10.0.2.0/24", "b", &cloud).await;
    let subnet_ids = vec![one.clone(), two.clone()];
    let own = NetworkOutputs {
        vpc_id: vpc.clone(),
        subnet_ids,
        first_zone: format!("{}a", cloud.region),
    };
    assert_eq!(find(Some(&vpc), &[], &cloud).await.unwrap(), own);
    assert_eq!(find(None, &[&two, &one], &cloud).await.unwrap(), own);

    let error = find(None, &[&one, &default.subnet_ids[1]], &cloud).await.unwrap_err();
    assert!(error.contains("belongs to the VPC"), "{error}");
    let error = find(Some(&default.vpc_id), &[&one, &two], &cloud).await.unwrap_err();
    assert!(
        error.contains(&format!("belongs to the VPC {vpc}, not to {}", default.vpc_id)),
        "{error}"
    );
    let error = find(None, &["subnet-0123456789abcdef0", &one], &cloud).await.unwrap_err();
    assert!(error.starts_with("There is no subnet subnet-0123456789abcdef0 in "), "{error}");
    let error = find(Some("vpc-0123456789abcdef0"), &[], &cloud).await.unwrap_err();
    assert!(error.starts_with("There is no VPC vpc-0123456789abcdef0 in "), "{error}");
}

#[tokio::test]
async fn without_a_default_network_there_is_advice() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let default = find(None, &[], &cloud).await.unwrap();
    for subnet in &default.subnet_ids {
        cloud.ec2.delete_subnet().subnet_id(subnet).send().await.unwrap();
    }
    cloud.ec2.delete_vpc().vpc_id(&default.vpc_id).send().await.unwrap();
    let error = find(None, &[], &cloud).await.unwrap_err();
    assert_eq!(
        error,
        format!(
            "There is no default VPC in {0}. Set `network.vpc` to the id of one, or make a default VPC with \
             `aws ec2 create-default-vpc --region {0}`.",
            cloud.region
        )
    );
}

#[tokio::test]
async fn the_image_is_canonicals_newest() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let find = async |architecture: &str| {
        let found = UbuntuImage { architecture: architecture.to_owned() }.find(&cloud).await;
        found.map(|it| it.unwrap().name).map_err(|it| it.to_string())
    };
    // Two of the stand-in's images are of the same moment, and a newer one is not Canonical's.
    let name = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260713.1";
    assert_eq!(find("x86_64").await.unwrap(), name);
    let name = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-20260720";
    assert_eq!(find("arm64").await.unwrap(), name);
    assert!(
        find("riscv64")
            .await
            .unwrap_err()
            .starts_with("Ubuntu has no images for the architecture `riscv64`")
    );
}
